/**
 * Reminds of departures whose window ends soon: an event in the log of the laboratory, once for each of some days before.
 * There is no mailer; whoever answers for the data finds it by AuditEvent?subtype=departure-reminded, and feeds carry it on.
 */
import { thing } from '../audit/security.ts';
import { announceWithin } from '../interactions/announce.ts';
import { nextReminder } from '../store/departures.ts';
import type { Database } from '../store/pool.ts';

/** Returns how many. */
export async function remindOfDepartures(database: Database): Promise<number> {
  for (let count = 0; ; count++) {
    const reminded = await database.operating(async (operator) => {
      const departure = await nextReminder(operator);
      if (departure === undefined) return false;
      const { laboratory, name, windowEnds } = departure;
      await announceWithin(await operator.become(laboratory), {
        kind: 'departure-reminded',
        deed: 'makhbar tenant depart',
        agent: { subject: 'makhbar', client: 'makhbar' },
        reason: `The laboratory leaves: its data can be taken until ${windowEnds}, and are deleted then.`,
        further: [thing('laboratory', name)],
      });
      return true;
    });
    if (!reminded) return count;
  }
}
