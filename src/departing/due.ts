/**
 * Deletes laboratories whose window is over, and goes on with deletions that were stopped. Two processes may do it at once: each
 * step can be done again. The certificate stays with the departure (`makhbar tenant delete` writes it to a folder).
 */
import { outcomeError } from '../fhir/outcome.ts';
import type { Log } from '../log.ts';
import { dueDepartures } from '../store/departures.ts';
import { readHolds } from '../store/retention.ts';
import { deleteLaboratory, type Deleting } from './delete.ts';

/** @returns the names of those that were deleted */
export async function deleteDue(server: Deleting, log: Pick<Log, 'warn' | 'info'>): Promise<string[]> {
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
      if (holds.length > 0) throw outcomeError('conflict', 'A legal hold keeps its data.');
      await deleteLaboratory(server, departure);
      deleted.push(name);
      log.info({ tenant: name }, 'a laboratory that left was deleted at the end of its window');
    } catch (error) {
      log.warn({ err: error, tenant: name }, 'a laboratory that leaves is not deleted yet');
    }
  }
  return deleted;
}
