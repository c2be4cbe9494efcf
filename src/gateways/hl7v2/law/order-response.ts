/**
 * ORL^O34^ORL_O42: what an analyzer says of each step of a LAB-28. IHE PaLM TF-2b 3.28, table 0119.
 *
 *   ORC-1 | the Task of the step
 *   OK    | accepted
 *   UA    | rejected: unable to accept; somebody sees it and does it otherwise
 *   CR    | cancelled, as was asked
 *   UC    | in-progress: unable to cancel, its result will come
 */
import { decodeMessage } from '../../../hl7v2/charset.ts';
import { readSegments, type FieldReader } from '../../../hl7v2/message.ts';
import { inTransaction } from '../../../interactions/commit.ts';
import { newId } from '../../../interactions/new-id.ts';
import type { Server } from '../../../request.ts';
import { contextOf, interfaceCaller } from '../../gateway.ts';
import { readMessage } from '../answer.ts';
import type { Served } from '../interfaces.ts';
import { isId } from '../../find.ts';
import { markSteps, tasksOf, type Mark } from '../../work.ts';

const said: Readonly<Record<string, Pick<Mark, 'status' | 'reason'>>> = {
  OK: { status: 'accepted' },
  UA: { status: 'rejected', reason: 'The analyzer is unable to accept the order (UA).' },
  CR: { status: 'cancelled', reason: 'Cancelled as asked (CR).' },
  UC: { status: 'in-progress', reason: 'The analyzer is unable to cancel the order (UC).' },
};

export async function takeOrderResponse(server: Server, served: Served, answer: Buffer): Promise<void> {
  const { message } = readMessage(decodeMessage(answer, served.interface.charset));
  const marks = message === undefined ? [] : marksOf(readSegments(message));
  if (marks.length === 0) return;
  const caller = await interfaceCaller(server, served.tenant, served.interface.id);
  const context = contextOf(server, { tenant: served.tenant, caller, requestId: newId(), address: '' });
  await inTransaction(context, async (inside) => {
    const known = await tasksOf(
      inside,
      served.interface.id,
      marks.map(({ order }) => order),
    );
    // One that was done meanwhile stays so.
    const open = marks.filter(({ order }) =>
      ['requested', 'accepted', 'rejected'].includes(String(known.get(order)?.['status'])),
    );
    await markSteps(inside, served, open);
  });
}

function marksOf(segments: readonly FieldReader[]): Mark[] {
  const marks = new Map<string, Mark>();
  segments.forEach((segment, i) => {
    if (segment.name !== 'ORC') return;
    const next = segments[i + 1];
    const order = segment.text(2) || (next?.name === 'OBR' ? next.text(2) : '');
    const mark = said[segment.text(1)];
    if (mark !== undefined && isId(order)) marks.set(order, { order, ...mark });
  });
  return [...marks.values()];
}
