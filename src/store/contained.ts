/** Contained resources as found: cut out of the text of their container, with every digit as it is there. */
import { parseJson, serializeJson, type JsonObject } from '../fhir/json.ts';
import { storedFromRow, type Stored, type StoredRow } from './read.ts';

/** As compileContained selects it; the text is the container's. */
export type ContainedRow = StoredRow & { within_type: number | null; within_id: string | null };

export function containedFromRow(row: ContainedRow): Stored {
  const stored = storedFromRow(row);
  const { within_type: type, within_id: id } = row;
  if (type === null || id === null) return stored;
  return { ...stored, text: textWithin(stored.text ?? '{}', stored.id), within: { type, id } };
}

function textWithin(container: string, id: string): string {
  const { contained } = parseJson(container) as JsonObject;
  const found = (contained as JsonObject[] | undefined)?.find((one) => one['id'] === id);
  if (found === undefined) throw new Error('A container holds what its index rows say.');
  return serializeJson(found);
}
