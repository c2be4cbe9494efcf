/** The visit that a patient is on: of those that are open the one that began last. */
import type { JsonObject } from '../../fhir/json.ts';
import { parseStored } from '../../interactions/document.ts';
import { findMatches } from '../../interactions/matches.ts';
import type { Context } from '../../request.ts';

/** Open visits of one patient that are looked at. */
const most = 100;
/** Encounter.status, the nearest first. */
const open = ['in-progress', 'onleave', 'triaged', 'arrived', 'planned'];

export async function openVisit(context: Context, patient: JsonObject): Promise<JsonObject | undefined> {
  const criteria = [
    ['subject', `Patient/${String(patient['id'])}`],
    ['status', open.join(',')],
  ] as const;
  const found = (await findMatches(context, 'Encounter', criteria, most)).map(({ text }) => parseStored(text));
  const [nearest] = found.toSorted((one, other) => rankOf(one) - rankOf(other) || beginOf(other) - beginOf(one));
  return nearest;
}

function rankOf({ status }: JsonObject): number {
  return open.indexOf(String(status));
}

function beginOf({ period }: JsonObject): number {
  return Date.parse(String((period as JsonObject | undefined)?.['start'])) || 0;
}
