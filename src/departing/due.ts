/**
 * Deletes laboratories whose window is over, and goes on with deletions that were stopped. Two processes may do it at once: each
 * step can be done again. Where a hold keeps one, its officers have a Task about it. The certificate stays with the departure (`makhbar tenant delete` writes it to a folder).
 */
import { outcomeError } from '../fhir/outcome.ts';
import type { Log } from '../log.ts';
import { dueDepartures, type Departure } from '../store/departures.ts';
import type { Server } from '../request.ts';
import { readHolds } from '../store/retention.ts';
import { findTenantById } from '../store/tenants.ts';
import { deleteLaboratory } from './delete.ts';
import { tellOfficers } from './officers.ts';

/** @returns the names of those that were deleted */
export async function deleteDue(server: Server, log: Pick<Log, 'warn' | 'info'>): Promise<string[]> {
  const deleted: string[] = [];
  for (const departure of await dueDepartures(server.database)) {
    const { laboratory, name } = departure;
    const { database } = server;
    try {
      // Nothing is closed, not for a moment, while a hold keeps it.
      const holds = await readHolds({
        tenant: laboratory,
        query: (statement) => database.query(laboratory, statement),
      });
      if (holds.length > 0) {
        await tellHeld(server, departure);
        throw outcomeError('conflict', 'A legal hold keeps its data.');
      }
      await deleteLaboratory(server, departure);
      deleted.push(name);
      log.info({ tenant: name }, 'a laboratory that left was deleted at the end of its window');
    } catch (error) {
      log.warn({ err: error, tenant: name }, 'a laboratory that leaves is not deleted yet');
    }
  }
  return deleted;
}

/** Once. */
async function tellHeld(server: Server, departure: Departure): Promise<void> {
  await server.database.operating(async (operator) => {
    const tenant = await findTenantById(operator, departure.laboratory);
    const session = await operator.become(departure.laboratory);
    if (tenant !== undefined) await tellOfficers({ server, tenant, session }, departure, 'held');
  });
}
