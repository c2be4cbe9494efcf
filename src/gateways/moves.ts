/**
 * Visits that were another patient's (ADT^A44, A45; src/translation/moves.ts), with what belongs to them.
 *
 * 1. What names the visit moves (orders, results, reports, media, documents), what is based on an order that moves, and the
 *    results and specimens of what moves, unless they name another visit. What is not the former patient's stays.
 * 2. The visit of a third patient is not moved: the message waits for somebody who decides.
 * 3. All of it is part of the transaction of the message: the new subject is written as a version of each.
 */
import type { JsonObject } from '../fhir/json.ts';
import { outcomeError } from '../fhir/outcome.ts';
import type { Problem } from '../hl7v2/acknowledge.ts';
import { parseStored } from '../interactions/document.ts';
import { findMatches, type Match } from '../interactions/matches.ts';
import { newId } from '../interactions/new-id.ts';
import { storing } from '../interactions/processing-restriction.ts';
import type { Context } from '../request.ts';
import type { Entry, Found, Move } from '../translation/translation.ts';

export interface Moved {
  /** A change of each resource that moves, and what it is now. */
  readonly matches: ReadonlyMap<Entry, Match>;
  readonly left: readonly Problem[];
  /** Ids of those whose they were. */
  readonly patients: readonly string[];
}

/** @param known what the entries of the message are */
export async function findMoved(
  context: Context,
  entries: readonly Entry[],
  known: ReadonlyMap<Entry, Match>,
): Promise<Moved> {
  const matches = new Map<Entry, Match>();
  const left: Problem[] = [];
  const patients = new Set<string>();
  const ids = new Map([...known].map(([{ fullUrl }, { id }]) => [fullUrl, id]));
  for (const entry of entries) {
    const { move } = entry;
    if (move === undefined) continue;
    const { subject } = entry.resource as { subject: { reference: string } };
    const to = ids.get(subject.reference);
    const visits = await visitsOf(context, move, { match: known.get(entry), to });
    if (visits === undefined) {
      if (move.account !== undefined) left.push(unknown(move));
      continue;
    }
    patients.add(visits.from);
    for (const match of visits.matches) matches.set(changeOf('Encounter', entry.resource), match);
    for (const { type, match } of await belonging(context, visits)) {
      matches.set(changeOf(type, { subject: entry.resource['subject'] ?? null }), match);
    }
  }
  return { matches, left, patients: [...patients] };
}

function unknown({ place }: Move): Problem {
  const sentence = 'MRG-3 names no visit of the patient of MRG-1; nothing is moved.';
  return { code: '204', severity: 'W', sentence, place };
}

function changeOf(type: string, resource: JsonObject): Entry {
  return { fullUrl: `urn:uuid:${newId()}`, resource: { ...resource, resourceType: type }, found: [], change: true };
}

interface Visits {
  /** The id of the former patient. */
  readonly from: string;
  /** Of the visits that no entry of the message is. */
  readonly matches: readonly Match[];
  readonly ids: readonly string[];
}

interface Moving {
  readonly match: Match | undefined;
  /** The id of the patient whose it is; undefined for one who is new. */
  readonly to: string | undefined;
}

/** Undefined where there is nothing to move. */
async function visitsOf(context: Context, move: Move, { match, to }: Moving): Promise<Visits | undefined> {
  const former = await formerPatient(context, move);
  if (move.account !== undefined) {
    if (former === undefined || former === to) return undefined;
    const criteria = [
      ['subject', `Patient/${former}`],
      ['account:identifier', escaped(move.account)],
    ] as const;
    const matches = await search(context, 'Encounter', criteria);
    return matches.length === 0 ? undefined : { from: former, matches, ids: matches.map(({ id }) => id) };
  }
  const from = match && patientOf(parseStored(match.text));
  if (match === undefined || from === undefined || from === to) return undefined;
  if (move.from.length > 0 && from !== former) {
    throw outcomeError('conflict', 'The visit that is to be moved is of another patient than MRG-1 names.');
  }
  return { from, matches: [], ids: [match.id] };
}

async function formerPatient(context: Context, { from }: Move): Promise<string | undefined> {
  if (from.length === 0) return undefined;
  const found = await search(context, 'Patient', [['identifier', from.map(escaped).join(',')]]);
  if (found.length <= 1) return found[0]?.id;
  throw outcomeError('multiple-matches', 'MRG-1 names more than one patient; merge them or correct the message.');
}

function patientOf({ subject }: JsonObject): string | undefined {
  const { reference = '' } = (subject ?? {}) as { reference?: string };
  return /^Patient\/([A-Za-z0-9.-]{1,64})$/.exec(reference)?.[1];
}

interface Belonging {
  readonly type: string;
  readonly match: Match;
}

const ofVisits = ['Observation', 'DiagnosticReport', 'ServiceRequest', 'Media', 'DocumentReference'];
const ofOrders = ['Observation', 'DiagnosticReport', 'Media'];

/** What moves with the visits. */
async function belonging(context: Context, { from, ids }: Visits): Promise<Belonging[]> {
  const found = new Map<string, Belonging>();
  const encounters = ids.map((id) => `Encounter/${id}`);
  const isTheirs = ({ encounter }: JsonObject): boolean => {
    const { reference } = (encounter ?? {}) as { reference?: string };
    return reference === undefined || encounters.includes(reference);
  };
  const take = async (type: string, parameter: string, values: readonly string[]): Promise<void> => {
    for (let at = 0; at < values.length; at += atOnce) {
      const some = values.slice(at, at + atOnce).join(',');
      const criteria = [
        ['subject', `Patient/${from}`],
        [parameter, some],
      ] as const;
      for (const match of await search(context, type, criteria)) {
        if (isTheirs(parseStored(match.text))) found.set(`${type}/${match.id}`, { type, match });
      }
    }
  };
  const namesOf = (type: string): string[] => [...found.keys()].filter((name) => name.startsWith(`${type}/`));
  for (const type of ofVisits) await take(type, 'encounter', encounters);
  for (const type of ofOrders) await take(type, 'based-on', namesOf('ServiceRequest'));
  for (let step = 0; step < steps; step++) {
    const named = referredTo([...found.values()]).filter((name) => !found.has(name));
    for (const type of ['Observation', 'Specimen']) {
      const own = named.filter((name) => name.startsWith(`${type}/`)).map((name) => name.slice(type.length + 1));
      await take(type, '_id', own);
    }
  }
  return [...found.values()];
}

/** Report → panel → result → specimen. */
const steps = 3;
/** Names of one search. */
const atOnce = 50;

function referredTo(all: readonly Belonging[]): string[] {
  const names = all.flatMap(({ match }) => {
    const resource = parseStored(match.text);
    return ['result', 'hasMember', 'derivedFrom', 'specimen'].flatMap((element) =>
      [resource[element] ?? []].flat().flatMap((one) => (one as { reference?: string } | null)?.reference ?? []),
    );
  });
  return [...new Set(names)];
}

/** Resources of one kind that move. */
const most = 1_000;

async function search(
  context: Context,
  type: string,
  criteria: readonly (readonly [string, string])[],
): Promise<Match[]> {
  const found = await findMatches(storing(context), type, criteria, most);
  if (found.length < most) return found;
  throw outcomeError('too-costly', `Too many resources of the type ${type} would be moved by one message.`);
}

/** https://hl7.org/fhir/R4/search.html#escaping */
function escaped({ system, value }: Found): string {
  return [system, value].map((text) => text.replaceAll(/[\\$,|]/g, '\\$&')).join('|');
}
