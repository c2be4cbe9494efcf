/**
 * The parent of results (OBR-26, OBR-29) among those that the patient has already (src/translation/parents.ts).
 *
 * 1. It has the code that OBR-26 names and is of the patient of the message; where OBR-29 names an order, of that.
 * 2. OBX-4 tells results of one code apart: it stands at the end of the identifier that our translation gave. A result that
 *    came otherwise has none: it is taken where there is no other.
 * 3. Where none is found, or several, nothing is joined, and that is told.
 */
import type { JsonObject } from '../fhir/json.ts';
import { OutcomeError } from '../fhir/outcome.ts';
import type { Problem } from '../hl7v2/acknowledge.ts';
import { findMatches, type Match } from '../interactions/matches.ts';
import { parseStored } from '../interactions/document.ts';
import { storing } from '../interactions/processing-restriction.ts';
import type { Context } from '../request.ts';
import { observationSystem } from '../translation/observation.ts';
import type { Entry, Parent } from '../translation/translation.ts';

export interface Parents {
  readonly matches: ReadonlyMap<Entry, Match>;
  readonly left: readonly Problem[];
}

/** @param known what the other entries of the message are */
export async function findParents(
  context: Context,
  entries: readonly Entry[],
  known: ReadonlyMap<Entry, Match>,
): Promise<Parents> {
  const matches = new Map<Entry, Match>();
  const left: Problem[] = [];
  const patients = new Map([...known].map(([{ fullUrl }, { id }]) => [fullUrl, id]));
  for (const entry of entries) {
    if (entry.parent === undefined) continue;
    const { subject } = entry.resource as { subject?: { reference?: string } };
    const patient = patients.get(subject?.reference ?? '');
    const found = patient === undefined ? [] : await visible(context, entry, { patient, of: entry.parent });
    const [match] = found;
    if (match !== undefined && found.length === 1) matches.set(entry, match);
    else left.push(unfound(entry.parent, found.length));
  }
  return { matches, left };
}

function unfound({ place }: Parent, count: number): Problem {
  const sentence =
    count === 0
      ? 'OBR-26 names no result of the patient; what belongs to it is kept without that link.'
      : 'OBR-26 names several results of the patient; what belongs to it is kept without that link.';
  return { code: '204', severity: 'W', sentence, place };
}

/** Results of one code of a patient in an order, or in all. */
const most = 200;

interface Looking {
  readonly patient: string;
  readonly of: Parent;
}

/** An interface whose role does not search for results and orders finds none. */
async function visible(context: Context, entry: Entry, looking: Looking): Promise<Match[]> {
  try {
    return await candidates(context, entry, looking);
  } catch (error) {
    if (error instanceof OutcomeError && error.issues.every(({ code }) => code === 'forbidden')) return [];
    throw error;
  }
}

async function candidates(context: Context, { resource }: Entry, { patient, of }: Looking): Promise<Match[]> {
  const { code } = resource as { code?: { coding?: readonly { system?: string; code?: string }[] } };
  const codes = (code?.coding ?? []).map((one) => escaped(one.system ?? '', one.code ?? ''));
  if (codes.length === 0) return [];
  const orders = of.orders.map(({ system, value }) => escaped(system, value)).join(',');
  const criteria: [string, string][] = [
    ['subject', `Patient/${patient}`],
    ['code', codes.join(',')],
    ...(orders === '' ? [] : [['based-on:ServiceRequest.identifier', orders] as [string, string]]),
  ];
  const all = (await findMatches(storing(context), 'Observation', criteria, most)).map((match) => ({
    match,
    names: namesOf(parseStored(match.text)),
  }));
  const named = all.filter(({ names }) => names.some((name) => name.endsWith(of.ended)));
  const unnamed = all.filter(({ names }) => !names.some((name) => name.includes('|')));
  return (named.length > 0 ? named : unnamed).map(({ match }) => match);
}

/** What our translation calls it; a long name is a hash, which says nothing. */
function namesOf(resource: JsonObject): string[] {
  const { identifier = [] } = resource as { identifier?: readonly { system?: string; value?: string }[] };
  return identifier.flatMap(({ system, value }) =>
    system === observationSystem && value !== undefined ? [value] : [],
  );
}

/** https://hl7.org/fhir/R4/search.html#escaping */
function escaped(system: string, value: string): string {
  return [system, value].map((text) => text.replaceAll(/[\\$,|]/g, '\\$&')).join('|');
}
