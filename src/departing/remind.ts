/**
 * Reminds of departures whose window ends soon, once on each of some days before: an event in the log of the laboratory
 * (AuditEvent?subtype=departure-reminded, which feeds carry on) and a Task for whoever answers for the data. There is no mailer.
 */
import { thing } from '../audit/security.ts';
import { announceWithin } from '../interactions/announce.ts';
import { nextReminder } from '../store/departures.ts';
import type { Server } from '../request.ts';
import { findTenantById } from '../store/tenants.ts';
import { tellOfficers } from './officers.ts';

/** Returns how many. */
export async function remindOfDepartures(server: Server): Promise<number> {
  for (let count = 0; ; count++) {
    const reminded = await server.database.operating(async (operator) => {
      const departure = await nextReminder(operator);
      if (departure === undefined) return false;
      const { laboratory, name, windowEnds } = departure;
      const tenant = await findTenantById(operator, laboratory);
      const session = await operator.become(laboratory);
      await announceWithin(session, {
        kind: 'departure-reminded',
        deed: 'makhbar tenant depart',
        agent: { subject: 'makhbar', client: 'makhbar' },
        reason: `The laboratory leaves: its data can be taken until ${windowEnds}, and are deleted then.`,
        further: [thing('laboratory', name)],
      });
      if (tenant !== undefined) await tellOfficers({ server, tenant, session }, departure, 'reminded');
      return true;
    });
    if (!reminded) return count;
  }
}
