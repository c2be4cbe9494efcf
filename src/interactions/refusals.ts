/**
 * Refusals that anybody can cause as often as they like: past a rate, without a good token, of a laboratory that is
 * suspended. They are in the log, and must not be a way to fill the disk.
 *
 * 1. In a minute the first refusal of a caller past the rate has an event of its own, before its answer; of a network
 *    address that nobody signed in from the first `ownOfAddress`, of all such addresses of a laboratory together the first
 *    `ownOfLaboratory`. What follows is counted, and told at the end of the minute by one event for each caller or address.
 * 2. Past `mostTallies` in a minute those who come are counted together, for each laboratory.
 * 3. Counts are in memory: a process that is killed loses those of the last minute, never the first events. What cannot
 *    be stored is counted on.
 */
import { networkOf } from '../access/network.ts';
import { counted } from '../audit/security.ts';
import type { Log } from '../log.ts';
import type { Caller } from '../request.ts';
import { announce, type Announcing } from './announce.ts';

const window = 60_000;
/** All four are guesses. */
const ownOfAddress = 20;
const ownOfLaboratory = 300;
const ownOfCaller = 1;
const mostTallies = 2_000;

export interface Refusal {
  readonly tenant: { readonly id: number };
  /** Nobody has no client. */
  readonly caller: Pick<Caller, 'subject' | 'client' | 'roles' | 'fhirUser'>;
  readonly address: string;
  /** `429 throttled`: status and issue code. */
  readonly reason: string;
}

export interface Refusals {
  /** True where this one is to have an event of its own; otherwise it is counted here. */
  isTold(refusal: Refusal): boolean;
  /** Stores what was counted. */
  flush(): Promise<void>;
}

interface Tally {
  readonly refusal: Refusal;
  own: number;
  more: number;
  readonly since: number;
}

export function makeRefusals(announcing: Announcing & { readonly log: Log }, now: () => number = Date.now): Refusals {
  let tallies = new Map<string, Tally>();
  let strangers = new Map<number, number>();
  let timer: NodeJS.Timeout | undefined;

  const tallyOf = (key: string, refusal: Refusal): Tally => {
    const tally = tallies.get(key) ?? { refusal, own: 0, more: 0, since: now() };
    tallies.set(key, tally);
    return tally;
  };

  const flush = async (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    const ended = [...tallies].filter(([, { more }]) => more > 0);
    tallies = new Map();
    strangers = new Map();
    for (const [key, tally] of ended) {
      await tell(announcing, tally).catch((error: unknown) => {
        announcing.log.warn({ err: error }, 'refusals are not in the audit log yet');
        begin();
        tallyOf(key, tally.refusal).more += tally.more;
      });
    }
  };

  const begin = (): void => {
    timer ??= setTimeout(() => void flush(), window).unref();
  };

  return {
    isTold: (refusal) => {
      begin();
      const stranger = refusal.caller.client === '';
      const key = keyOf(refusal, stranger);
      if (tallies.size >= mostTallies && !tallies.has(key)) return countTogether(tallyOf, refusal);
      const tally = tallyOf(key, refusal);
      const told = strangers.get(refusal.tenant.id) ?? 0;
      if (tally.own >= (stranger ? ownOfAddress : ownOfCaller) || (stranger && told >= ownOfLaboratory)) {
        tally.more += 1;
        return false;
      }
      tally.own += 1;
      if (stranger) strangers.set(refusal.tenant.id, told + 1);
      return true;
    },
    flush,
  };
}

function keyOf({ tenant, caller, address, reason }: Refusal, stranger: boolean): string {
  return JSON.stringify([tenant.id, reason, stranger ? networkOf(address) : [caller.client, caller.subject]]);
}

function countTogether(tallyOf: (key: string, refusal: Refusal) => Tally, { tenant }: Refusal): false {
  const refusal = { tenant, caller: { subject: '', client: '', roles: [] }, address: '', reason: 'many callers' };
  tallyOf(JSON.stringify([tenant.id]), refusal).more += 1;
  return false;
}

async function tell(announcing: Announcing, { refusal, more, since }: Tally): Promise<void> {
  const { tenant, caller, address, reason } = refusal;
  const { subject, client, roles, fhirUser } = caller;
  await announce(announcing, tenant, {
    kind: 'requests-refused',
    outcome: 4,
    reason,
    agent: { subject, client, roles, ...(fhirUser !== undefined && { fhirUser }) },
    address,
    further: [counted(more, since)],
  });
}
