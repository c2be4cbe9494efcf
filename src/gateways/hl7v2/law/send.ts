/** LAB-28: work of a specimen as a message, on the order connection of the analyzer or on the one that it asked by. */
import { thing } from '../../../audit/security.ts';
import type { JsonObject } from '../../../fhir/json.ts';
import { charsetLabel, encodeEscaped } from '../../../hl7v2/charset.ts';
import { announceWithin } from '../../../interactions/announce.ts';
import { newId } from '../../../interactions/new-id.ts';
import type { Context } from '../../../request.ts';
import { workMessage, type Work } from '../../../translation/out/law.ts';
import type { Writing } from '../../../translation/out/source.ts';
import { enqueue } from '../../enqueue.ts';
import type { Served } from '../interfaces.ts';
import { findAll, idOf } from '../../find.ts';
import { markSteps } from '../../work.ts';

/**
 * Makes and keeps the message, with the Tasks of its steps, in the transaction of `context`.
 * @param peer where it goes at once; undefined puts it into the queue
 * @returns its bytes
 */
export async function sendWork(context: Context, served: Served, work: Work, peer?: string): Promise<Buffer> {
  const { interface: own } = served;
  const subject = work.specimen?.['subject'] ?? work.steps[0]?.order['subject'];
  const id = idOf(subject, 'Patient');
  const [patient] = id === undefined ? [] : await findAll(context, 'Patient', '_id', [id]);
  const writing = writingOf(served);
  const raw = encodeEscaped(workMessage({ ...work, patient }, writing), own.charset);
  const { from, controlId } = writing;
  const patients = id === undefined || work.control === 'DC' ? [] : [id];
  const outgoing = {
    ...{ protocol: 'hl7v2' as const, type: 'OML^O33', sender: `${from.application}|${from.facility}` },
    ...{ controlId, charset: own.charset, raw, patients },
  };
  const message = await enqueue(context.session, own.id, outgoing, peer === undefined ? 'queued' : 'accepted');
  if (peer !== undefined) {
    const name = `Endpoint/${own.id}`;
    await announceWithin(context.session, {
      ...{ kind: 'message-sent', deed: 'hl7v2 OML^O33', requestId: message, patients, address: peer },
      ...{ agent: { subject: name, client: name, roles: ['interface'] }, further: [thing('message', message)] },
    });
  }
  await markSteps(
    context,
    served,
    work.steps.map(({ order }) => markOf(order, work.control)),
  );
  return raw;
}

function markOf(order: JsonObject, control: Work['control']): Parameters<typeof markSteps>[2][number] {
  const subject = order['subject'] as JsonObject | undefined;
  const about = { order: String(order['id']), subject };
  return control === 'CA'
    ? { ...about, status: 'accepted', cancelling: true }
    : { ...about, status: 'requested', reason: '' };
}

function writingOf({ tenant, interface: own }: Served): Writing {
  const { out } = own;
  return {
    version: out?.version ?? '2.5.1',
    zone: own.zone ?? tenant.settings.timezone ?? 'UTC',
    authorities: Object.fromEntries(Object.entries(own.systems).map(([authority, system]) => [system, authority])),
    from: { application: out?.ownApplication || 'MAKHBAR', facility: out?.ownFacility || tenant.name },
    to: { application: out?.toApplication || own.application, facility: out?.toFacility || own.facility },
    acknowledgement: 'original',
    charset: charsetLabel(own.charset),
    now: new Date().toISOString(),
    controlId: newId().replaceAll('-', '').slice(0, 20),
  };
}
