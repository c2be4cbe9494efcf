/**
 * A query: a message that is answered by a message rather than by an acknowledgement. HL7 v2.5.1 §5.3, §5.5.1 (QAK), §5.5.3
 * (QPD). The table of queries is queries.ts.
 *
 * 1. What a query does, its answer and the mark on it are one transaction.
 * 2. Whose data an answer tells has an event with each patient, in the same transaction.
 * 3. QPD comes back as it came; QAK-2 says whether something was found (table 0208), MSA-1 whether it could be asked.
 */
import { thing, type SecurityEvent } from '../../audit/security.ts';
import type { AckCode, Problem } from '../../hl7v2/acknowledge.ts';
import type { JsonObject } from '../../fhir/json.ts';
import { readSegments } from '../../hl7v2/message.ts';
import { eventRecord } from '../../interactions/announce.ts';
import { inTransaction } from '../../interactions/commit.ts';
import type { Context } from '../../request.ts';
import { claimMessage, finishMessage } from '../../store/messages.ts';
import { ack } from './answer.ts';
import type { Known } from './applied.ts';

/** What a query is answered. */
export interface Reply {
  /** Table 0208: found, nothing found, an error, refused. */
  readonly status: 'OK' | 'NF' | 'AE' | 'AR';
  readonly problems?: readonly Problem[];
  /** What follows QPD. */
  readonly segments?: readonly string[];
  /** Ids of the patients of whom the answer tells. */
  readonly patients?: readonly string[];
  /** Messages that follow the answer on the same connection. */
  readonly further?: readonly Buffer[];
}

export interface Query {
  /** MSH-9 of the answer. */
  readonly response: readonly [code: string, event: string, structure: string];
  /** MSH-21 of the answer. */
  readonly profile?: string;
  readonly answer: (context: Context, known: Known) => Promise<Reply>;
}

export interface QueryAnswered {
  readonly ok: boolean;
  readonly answer: Buffer;
  readonly further: readonly Buffer[];
}

/** Undefined where another has answered it meanwhile. */
export async function answerQuery(
  context: Context,
  { known, id }: { readonly known: Known; readonly id: string },
  query: Query,
): Promise<QueryAnswered | undefined> {
  return inTransaction(context, async (inside) => {
    if (!(await claimMessage(inside.session, id))) return undefined;
    const reply = await query.answer(inside, known);
    const answer = responseOf(known, query, reply);
    const { patients = [], problems = [], further = [], segments = [] } = reply;
    // What the answer itself tells; messages that follow it have events of their own.
    if (segments.length > 0) inside.events?.push(eventRecord(toldEvent(known, { id, query, patients })));
    await finishMessage(inside.session, id, {
      status: reply.status === 'AR' ? 'rejected' : 'applied',
      ack: answer,
      problems: problems.map((problem) => ({ ...problem })) as unknown as JsonObject[],
      patients,
    });
    return { ok: reply.status === 'OK' || reply.status === 'NF', answer, further };
  });
}

function toldEvent(
  { interface: own, peer }: Known,
  { id, query, patients }: { readonly id: string; readonly query: Query; readonly patients: readonly string[] },
): SecurityEvent {
  const name = `Endpoint/${own.id}`;
  return {
    ...{ kind: 'message-sent', deed: `hl7v2 ${query.response.slice(0, 2).join('^')}`, requestId: id, patients },
    agent: { subject: name, client: name, roles: ['interface'] },
    address: peer,
    further: [thing('message', id)],
  };
}

/** Table 0008 of table 0208. */
const codes: Readonly<Record<Reply['status'], AckCode>> = { OK: 'AA', NF: 'AA', AE: 'AE', AR: 'AR' };

/** MSH, MSA, ERR, QAK, QPD as it came, and what was found. */
export function responseOf(
  known: Known,
  { response, profile }: Pick<Query, 'response' | 'profile'>,
  { status, problems = [], segments = [] }: Reply,
): Buffer {
  const { message } = known;
  const { field } = message.delimiters;
  const qpd = readSegments(message).find(({ name }) => name === 'QPD');
  const echo = message.segments[qpd?.index ?? -1]?.text ?? 'QPD';
  const qak = ['QAK', qpd?.raw(2) ?? '', status, qpd?.raw(1) ?? ''].join(field);
  return ack(known, {
    ...{ code: codes[status], problems, type: response, segments: [qak, echo, ...segments] },
    ...(profile !== undefined && { profile }),
  });
}
