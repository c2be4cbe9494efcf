/**
 * A message is translated and applied, and marked with what became of it: when it came, after a death, or when
 * somebody has mended the reason why it could not be applied.
 *
 * What is passing (the database is away) is no fault of the message: it stays received and is not acknowledged.
 */
import { OutcomeError } from '../../fhir/outcome.ts';
import type { AckCode, Problem } from '../../hl7v2/acknowledge.ts';
import { decodeMessage } from '../../hl7v2/charset.ts';
import { readHeader, typeOf, type Header } from '../../hl7v2/header.ts';
import type { Message } from '../../hl7v2/message.ts';
import { newId } from '../../interactions/new-id.ts';
import type { Context, Server } from '../../request.ts';
import {
  claimMessage,
  finishMessage,
  isNewMessage,
  readMessage as storedMessage,
  type Became,
  type NewMessage,
  type StoredMessage,
} from '../../store/messages.ts';
import { translate } from '../../translation/messages.ts';
import type { Analyzer, Translation } from '../../translation/translation.ts';
import { apply } from '../apply.ts';
import { contextOf, sessionOf } from '../gateway.ts';
import { callerOf } from '../interfaces.ts';
import { asJson, isPassing, problemsOf } from '../problems.ts';
import { ack, readMessage } from './answer.ts';
import type { Served } from './interfaces.ts';
import { analyzerOf } from './law/known.ts';
import { answerTo } from './order-answer.ts';
import { provenance } from '../provenance.ts';
import { queryOf } from './queries.ts';
import { answerQuery, responseOf, type Query } from './query.ts';
import { keep, keepApplied, keepFinished } from './record.ts';
import { isStoredOnly } from './settings.ts';
import { endTask } from '../task.ts';
import { waitForMaterial } from '../judged-again.ts';
import { marked, waitAsTask } from './task.ts';
import { unmappedProblems } from '../unmapped.ts';

/** What is known of a message that could be read. */
export interface Known extends Served {
  readonly message: Message;
  readonly header: Header;
  readonly charset: string;
  /** What MSH-18 says, where the bytes are of another set. */
  readonly disagreed?: string | undefined;
  readonly peer: string;
  /** Made already to know what it is about. */
  readonly translation?: Translation;
}

/** A stored message, or one that arrived and is stored with what becomes of it. */
export interface Applying {
  readonly id: string;
  readonly arrived?: NewMessage;
  /** Only where it repeats none and none waits before it, which nobody has asked yet. */
  readonly ifNew?: boolean;
}

export interface Outcome {
  readonly ok: boolean;
  /** Nothing was done: it was to be new and is not, or has to wait for others. */
  readonly isNotNew?: boolean;
  readonly answer: Buffer;
  /** Messages that follow the answer on the same connection. */
  readonly further?: readonly Buffer[];
}

/** What it says was understood, so that nothing is left but to apply it. */
export function isPlain({ message, interface: own, header, translation }: Known): boolean {
  const isUnderstood = translation?.problems.every(({ severity = 'E' }) => severity !== 'E') === true;
  return isUnderstood && message.problem === undefined && !isStoredOnly(own, header);
}

/** Translates and applies a message and marks what became of it. */
export async function applied(server: Server, known: Known, { id, arrived, ifNew }: Applying): Promise<Outcome> {
  const session = sessionOf(server, known.tenant);
  let unstored = arrived;
  const finish = async (
    changed: Omit<Became, 'ack' | 'problems'>,
    code: AckCode,
    problems: readonly Problem[],
  ): Promise<Outcome> => {
    const answer = answerTo(known, { code, problems });
    const became = { ...changed, ack: answer, problems: asJson(problems) };
    if (unstored === undefined) await finishMessage(session, id, became);
    else await keepFinished(server, known, { stored: unstored, became });
    return { ok: code === 'AA', answer };
  };
  /** A Task names a message that is there. */
  const wait = async (found: readonly Problem[]): Promise<void> => {
    if (unstored !== undefined) await keep(server, known, unstored);
    unstored = undefined;
    await waitAsTask(server, known, { id, problems: found });
  };
  if (known.message.problem !== undefined) {
    const problem: Problem = {
      code: '102',
      sentence: known.message.problem,
      place: { segment: 'MSH', sequence: 1, field: 2 },
    };
    return finish({ status: 'rejected' }, 'AR', [problem]);
  }
  if (isStoredOnly(known.interface, known.header)) return finish({ status: 'stored' }, 'AA', []);
  const context = contextOf(server, {
    tenant: known.tenant,
    caller: await callerOf(server, known),
    requestId: id,
    address: known.peer,
  });
  const query = queryOf(known);
  if (query !== undefined) {
    if (unstored !== undefined) await keep(server, known, unstored);
    return answered(context, { known, id }, query);
  }
  const { entries, problems, unmapped } =
    known.translation ?? translated(server, known, await analyzerOf(context, known));
  const errors = problems.filter(({ severity = 'E' }) => severity === 'E');
  const unknown = errors.some(({ code }) => code === '200' || code === '201');
  if (unknown) return finish({ status: 'rejected' }, 'AR', errors);
  if (errors.length > 0) {
    await wait(errors);
    return finish({ status: 'failed' }, 'AE', problems);
  }
  try {
    let answer: Buffer | undefined;
    const done = await apply(context, entries, {
      provenance: (target) => provenance(known.interface, { id, display: `HL7 v2 ${typeOf(known.header)}` }, target),
      ...(known.interface.law !== undefined && {
        analyzer: {
          device: known.interface.law.device,
          run: id,
          wait: (inside, left) =>
            waitForMaterial(inside, known.interface, { left, message: marked(known.message, undefined) }),
        },
      }),
      isOpen: (inside, about) => {
        if (arrived === undefined) return claimMessage(inside, id);
        return ifNew === true ? isNewMessage(inside, { ...arrived, about }) : Promise.resolve(true);
      },
      mark: (inside, { left, ...made }) => {
        const told = [...problems, ...left];
        const noted = [...asJson(told), ...unmappedProblems(unmapped)];
        answer = answerTo(known, { code: 'AA', problems: told });
        const became: Became = { status: 'applied', ack: answer, problems: noted, ...made };
        return arrived === undefined
          ? finishMessage(inside.session, id, became)
          : keepApplied(inside, known, { stored: arrived, became });
      },
    });
    if (!done && ifNew === true) return { ok: false, answer: Buffer.alloc(0), isNotNew: true };
    answer ??= (await storedMessage(session, id))?.ack;
    return { ok: true, answer: answer ?? answerTo(known, { code: 'AA', problems }) };
  } catch (error) {
    // Nothing is known of it but that it was not applied now: it stays received, and is not acknowledged.
    if (isPassing(error)) throw error;
    const found = problemsOf(error);
    await wait(found);
    if (!(error instanceof OutcomeError)) server.log.error({ err: error, message: id }, 'message not applied');
    return finish({ status: 'failed' }, 'AE', [...found, ...problems]);
  }
}

/** A query is answered by a message; one that fails is answered too, and asked again by who asked. */
async function answered(
  context: Context,
  { known, id }: { readonly known: Known; readonly id: string },
  query: Query,
): Promise<Outcome> {
  const { session, server } = context;
  try {
    const done = await answerQuery(context, { known, id }, query);
    const given = done === undefined ? await storedMessage(session, id) : undefined;
    return done ?? { ok: true, answer: given?.ack ?? ack(known, { code: 'AA', problems: [] }) };
  } catch (error) {
    if (isPassing(error)) throw error;
    if (!(error instanceof OutcomeError)) server.log.error({ err: error, message: id }, 'query not answered');
    const found = problemsOf(error);
    const answer = responseOf(known, query, { status: 'AE', problems: found });
    await finishMessage(session, id, { status: 'rejected', ack: answer, problems: asJson(found) });
    return { ok: false, answer };
  }
}

function settingsOf({ tenant, interface: { zone, systems }, mapped }: Known): Parameters<typeof translate>[1] {
  return { zone: zone ?? tenant.settings.timezone ?? 'UTC', systems, mapped };
}

/** A fault of ours in translating is one of this message alone: it waits, and others go on. */
export function translated(server: Server, known: Known, analyzer?: Analyzer): Translation {
  try {
    const made = translate(known.message, { ...settingsOf(known), ...(analyzer && { analyzer }) }, newId);
    return { ...made, problems: [...charsetProblems(known), ...made.problems] };
  } catch (error) {
    server.log.error({ err: error, interface: known.interface.id }, 'message not translated');
    return { entries: [], problems: problemsOf(error), unmapped: [] };
  }
}

/** What was read in another character set than it names may be read wrong: the sender should hear of it. */
function charsetProblems({ disagreed, charset }: Known): Problem[] {
  if (disagreed === undefined) return [];
  const sentence = `MSH-18 says ${disagreed.slice(0, 40)}, and the bytes are not of it; they were read as ${charset}.`;
  return [{ code: '103', severity: 'W', sentence, place: { segment: 'MSH', sequence: 1, field: 18 } }];
}

/** Applies a message that was stored before, as when it came: after a death, or when somebody has mended the reason. */
export async function replay(server: Server, served: Served, stored: StoredMessage): Promise<Outcome> {
  const decoded = decodeMessage(stored.raw, served.interface.charset);
  const read = readMessage(decoded);
  if (read.message === undefined) {
    const answer = ack(undefined, { code: 'AR', problems: [read.problem] });
    const became = { status: 'rejected' as const, ack: answer, problems: asJson([read.problem]) };
    await finishMessage(sessionOf(server, served.tenant), stored.id, became);
    return { ok: false, answer };
  }
  const header = readHeader(read.message);
  // Of who sent it only: a message that waits for this one brings its own translation.
  const { tenant, interface: own, mapped, local } = served;
  const of = { tenant, interface: own, mapped, local };
  const { charset, disagreed } = decoded;
  const known = { ...of, message: read.message, header, charset, disagreed, peer: stored.peer };
  const outcome = await applied(server, known, { id: stored.id });
  if (outcome.ok && stored.status === 'failed') await endTask(server, known, stored.id);
  return outcome;
}
