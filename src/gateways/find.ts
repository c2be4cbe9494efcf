/** What an analyzer names: orders by the number of their step (OBR-2), specimens by the number on their label (SPM-2, SAC-3). */
import type { JsonObject } from '../fhir/json.ts';
import { parseStored } from '../interactions/document.ts';
import { findMatches } from '../interactions/matches.ts';
import type { Context } from '../request.ts';

/** Where in a rack or tray a container stands: an identifier of Specimen.container, `carrier/position`. */
export const positionSystem = 'urn:makhbar:carrier-position';

const atOnce = 50;
const most = 500;

/** https://hl7.org/fhir/R4/search.html#escaping */
export function escaped(text: string): string {
  return text.replaceAll(/[\\$,|]/g, '\\$&');
}

export async function findAll(
  context: Context,
  type: string,
  parameter: string,
  values: readonly string[],
): Promise<JsonObject[]> {
  const found: JsonObject[] = [];
  for (let at = 0; at < values.length; at += atOnce) {
    const some = values
      .slice(at, at + atOnce)
      .map(escaped)
      .join(',');
    const matches = await findMatches(context, type, [[parameter, some]], most);
    found.push(...matches.map(({ text }) => parseStored(text)));
  }
  return found;
}

/** All specimens that the number may mean. */
export async function findSpecimens(context: Context, number: string): Promise<JsonObject[]> {
  for (const parameter of ['identifier', 'accession', 'container-id']) {
    const found = await findAll(context, 'Specimen', parameter, [number]);
    if (found.length > 0) return found;
  }
  return [];
}

/** Ids of resources; an analyzer may send what can be none. */
export function isId(text: string): boolean {
  return /^[A-Za-z0-9.-]{1,64}$/.test(text);
}

export function idOf(reference: unknown, type: string): string | undefined {
  const text = (reference as { reference?: unknown } | undefined)?.reference;
  return typeof text === 'string' && text.startsWith(`${type}/`) ? text.split('/')[1] : undefined;
}
