/**
 * Measurements that were refused and kept as they came (measured.ts), and are entered now that the reason is mended: what was
 * kept is taken back, so that it waits for nobody any more.
 */
import type { JsonObject } from '../fhir/json.ts';
import { parseStored } from '../interactions/document.ts';
import type { Match } from '../interactions/matches.ts';
import { resultState } from '../laboratory/result/result-states.ts';
import type { Entry } from '../translation/translation.ts';

/** @returns requests of a transaction */
export function settled(entered: readonly Entry[], matches: ReadonlyMap<Entry, Match>): JsonObject[] {
  return entered.flatMap((entry) => {
    const match = matches.get(entry);
    if (match === undefined || entry.resource['resourceType'] !== 'Observation') return [];
    const kept = parseStored(match.text);
    if (resultState(kept) !== 'refused') return [];
    const request = { method: 'PUT', url: `Observation/${match.id}`, ifMatch: `W/"${match.version}"` };
    return [{ fullUrl: entry.fullUrl, resource: { ...kept, status: 'cancelled' }, request }];
  });
}
