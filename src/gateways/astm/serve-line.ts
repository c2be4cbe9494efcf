/**
 * An open line of an analyzer, whatever carries it: what comes is stored and answered, and its work goes out by it.
 *
 * 1. A message is for the one interface that H.5 names among those that the line may be of; one that is for none is refused.
 * 2. What waits to be applied of one line is bounded: then storing waits, and the analyzer with it.
 * 3. Why a frame was refused is told without what it holds: its number, the byte, the rule.
 */
import type { Duplex } from 'node:stream';
import type { Action } from '../../astm/action.ts';
import { outcomeError } from '../../fhir/outcome.ts';
import type { Refused } from '../refusals.ts';
import { answerQuestions } from './answers.ts';
import { driverOf, linkOf, type Gateway, type ServedAstm } from './gateway.ts';
import { astmLine } from './line.ts';
import { readTransmission, senderOf } from './reading.ts';
import { interfaceOf } from './settings.ts';
import { pushWork } from './push.ts';
import { takeTransmission } from './transmission.ts';

/** Messages of one line that are stored and still to be applied. */
const mostWaiting = 16;

export interface ServingLine {
  readonly peer: string;
  /** Whose the line may be, now. */
  readonly candidates: () => readonly ServedAstm[];
  readonly refused: Refused;
}

/** Done when the line was closed and what came is stored. */
export async function serveLine(gateway: Gateway, stream: Duplex, serving: ServingLine): Promise<void> {
  const { peer, candidates, refused } = serving;
  const [first] = candidates();
  if (first === undefined) return void stream.destroy();
  const waiting = new Set<Promise<void>>();
  const store = async (content: Buffer): Promise<void> => {
    const meant = meantBy(gateway, candidates(), content);
    if (meant === undefined) {
      const reason = 'No interface, or more than one, takes messages of this sender.';
      refused(peer, candidates(), reason);
      throw outcomeError('not-found', reason);
    }
    while (waiting.size >= mostWaiting) await Promise.race(waiting);
    const taken = await takeTransmission(gateway, meant, { content, peer });
    waiting.add(taken.done);
    void taken.done.then(() => waiting.delete(taken.done));
    void answerQuestions(gateway, meant, { line, peer, taken }).catch((error: unknown) =>
      gateway.server.log.warn({ err: error, interface: meant.interface.id }, 'a question was not answered'),
    );
  };
  const told = (what: Told): void => {
    const reason = reasonOf(what);
    if (reason !== undefined) refused(peer, candidates(), reason);
  };
  const settings = linkOf(gateway, first.interface);
  const line = astmLine(stream, { settings, room: gateway.room, store, told });
  await pushWork(gateway, { line, peer, candidates });
  await line.ended;
}

type Told = Extract<Action, { kind: 'refused' | 'dropped' | 'noise' }>;

function reasonOf(what: Told): string | undefined {
  if (what.kind === 'dropped') return `${what.bytes} bytes of a message were dropped: ${what.reason}`;
  if (what.kind === 'noise') return undefined;
  const place = [
    ...(what.number === undefined ? [] : [`frame ${what.number}`]),
    ...(what.byte === undefined ? [] : [`byte ${what.byte}`]),
  ].join(', ');
  return `NAK${place === '' ? '' : ` (${place})`}: ${what.rule}`;
}

function meantBy(gateway: Gateway, candidates: readonly ServedAstm[], content: Buffer): ServedAstm | undefined {
  const [first] = candidates;
  if (first === undefined) return undefined;
  if (candidates.every(({ interface: own }) => own.sender === '')) return interfaceOf(candidates, '');
  const { charset } = first.interface;
  return interfaceOf(candidates, senderOf(readTransmission(driverOf(gateway, first.interface), content, charset)));
}
