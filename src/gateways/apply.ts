/**
 * Applies what a message became (src/translation): finds what is there already, puts both together, and writes all of it
 * in one transaction through the door, with the mark on the message itself.
 *
 * 1. All or nothing, once: the message is marked as applied by the transaction that applies it.
 * 2. Messages about the same identifiers wait for each other: two that come at once make one patient.
 * 3. What would not change is not written: a repetition makes no versions.
 * 4. Results of analyzers for specimens of the laboratory are entered by its rules (measured.ts), not stored as they came.
 * 5. Controls of analyzers are judged (controls.ts) before the results of patients are entered, which they may hold.
 * 6. An identifier that leads to two patients is no reason to guess: nothing is applied, and somebody decides.
 */
import { cloneJson, type JsonObject, type JsonValue } from '../fhir/json.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { may } from '../interactions/access.ts';
import { inTransaction } from '../interactions/commit.ts';
import { parseStored } from '../interactions/document.ts';
import { knownIdentifiers } from '../interactions/known-identifiers.ts';
import { findMatches, type Match } from '../interactions/matches.ts';
import { storing } from '../interactions/processing-restriction.ts';
import type { Context, Request } from '../request.ts';
import { serve } from '../serve.ts';
import { lockAll, lockKeys } from '../store/lock.ts';
import { planOnce } from '../store/plan-once.ts';
import type { Session } from '../store/pool.ts';
import { keyOf, merge } from '../translation/merge.ts';
import type { Problem } from '../hl7v2/acknowledge.ts';
import type { Entry, Found } from '../translation/translation.ts';
import { isControl, judgeControls, type Unjudged } from './controls.ts';
import { enterMeasured, measuredOf } from './measured.ts';
import { settled } from './settled.ts';
import { findMoved } from './moves.ts';
import { findParents } from './parents.ts';
import { resourceBody } from './request.ts';

export interface Applied {
  /** The versions that were made: `Patient/7/_history/2`. */
  readonly resources: readonly string[];
  /** Ids of the patients that it was about. */
  readonly patients: readonly string[];
  /** What of it could not be done as it says; told, and the rest is applied. */
  readonly left: readonly Problem[];
}

/** What is done with the message itself, in the same transaction. */
export interface Marking {
  /** Whether it is still to be applied; asked while what it is about (lockKeys) is locked. */
  isOpen(session: Session, about: readonly string[]): Promise<boolean>;
  mark(inside: Context, applied: Applied): Promise<void>;
  /** What is written with the resources that are: where they come from. */
  provenance(target: JsonObject[]): JsonObject;
  /** Of a message of an analyzer: which one (Device/…), where the interface says it. */
  readonly analyzer?: AnalyzerMessage;
}

export interface AnalyzerMessage {
  readonly device: string | undefined;
  /** What tells runs of its controls apart. */
  readonly run: string;
  /** A control could not be judged: it waits for somebody. */
  wait(inside: Context, left: readonly Unjudged[]): Promise<void>;
}

/** @returns whether it was applied now */
export async function apply(context: Context, entries: readonly Entry[], marking: Marking): Promise<boolean> {
  return inTransaction(context, async (inside) => {
    const about = lockKeys(inside.session.tenant, criteriaOf(entries));
    const found = await whileLocked(inside, { about, entries, marking });
    if (found === undefined) return false;
    const parents = await findParents(inside, entries, found);
    const moved = await findMoved(inside, entries, found);
    const matches = new Map([...found, ...parents.matches, ...moved.matches]);
    await planOnce(inside.session);
    const { resources, left: waiting } = await stored(inside, {
      entries,
      moved: [...moved.matches.keys()],
      matches,
      marking,
    });
    const left = [...parents.left, ...moved.left, ...waiting];
    const known = [...matches].flatMap(([{ resource }, { id }]) =>
      resource['resourceType'] === 'Patient' ? [id] : [],
    );
    const made = resources.flatMap((name) => /^Patient\/([^/]+)/.exec(name)?.[1] ?? []);
    await marking.mark(inside, { resources, patients: [...new Set([...known, ...made, ...moved.patients])], left });
    return true;
  });
}

interface Storing {
  readonly entries: readonly Entry[];
  /** What belongs to a visit of another patient. */
  readonly moved: readonly Entry[];
  readonly matches: Matches;
  readonly marking: Marking;
}

interface Stored {
  /** Versions that were made. */
  readonly resources: readonly string[];
  readonly left: readonly Problem[];
}

async function stored(inside: Context, { entries, moved, matches, marking }: Storing): Promise<Stored> {
  const { analyzer } = marking;
  const measured = analyzer === undefined ? [] : await measuredOf(inside, entries);
  const taken = new Set(measured.flatMap((one) => one.entries));
  const others = [...entries.filter((entry) => !taken.has(entry)), ...moved];
  const hasControls = analyzer !== undefined && others.some(({ resource }) => isControl(resource));
  const first = hasControls ? await withControls(inside, { others, matches, analyzer }) : undefined;
  const entered =
    measured.length === 0
      ? { resources: [], refused: [], left: [] }
      : await enterMeasured(inside, measured, analyzer?.device);
  const refused = new Set(entered.refused.map(({ fullUrl }) => fullUrl));
  const requests = [
    ...requestsOf(
      [...(first === undefined ? others : []), ...entered.refused],
      first?.known ?? namesOf(matches),
      matches,
    ),
    ...settled(
      [...taken].filter(({ fullUrl }) => !refused.has(fullUrl)),
      matches,
    ),
  ];
  const named = [...(first?.resources ?? []), ...entered.resources];
  const written = await write(inside, [...requests, ...provenanceOf(inside, requests, named, marking)]);
  return { resources: [...written, ...named], left: [...(first?.left ?? []), ...entered.left] };
}

interface FirstStored extends Stored {
  /** What the message calls a resource → `Type/id`. */
  readonly known: ReadonlyMap<string, string>;
}

/** What came with controls is stored before them: what a control says is derived from what the analyzer sent. */
async function withControls(
  inside: Context,
  {
    others,
    matches,
    analyzer,
  }: Pick<Storing, 'matches'> & { readonly others: readonly Entry[]; readonly analyzer: AnalyzerMessage },
): Promise<FirstStored> {
  const known = namesOf(matches);
  const requests = requestsOf(others, known, matches);
  const written = await write(inside, requests);
  requests.forEach(({ fullUrl = '' }, at) =>
    known.set(String(fullUrl), (written[at] ?? '').replace(/\/_history\/.*/, '')),
  );
  const controls = others.filter(({ resource }) => isControl(resource));
  const now = new Set(requests.map(({ fullUrl }) => fullUrl));
  const observations = controls
    .filter(({ fullUrl }) => now.has(fullUrl))
    .map(({ fullUrl, resource }) => ({
      ...(withReferences(cloneJson(resource), known) as JsonObject),
      id: (known.get(fullUrl) ?? '').slice('Observation/'.length),
    }));
  const { resources, left } = await judgeControls(inside, observations, analyzer);
  if (left.length > 0) await analyzer.wait(inside, left);
  return { known, resources: [...written, ...resources], left };
}

interface Locking {
  readonly about: readonly string[];
  readonly entries: readonly Entry[];
  readonly marking: Marking;
}

/**
 * What is there already; undefined where the message is not to be applied. All is sent after the lock, and so answered as of
 * then, without waiting for each other. Patients are mostly known, and searched for at once; of the rest most is new: only
 * what some resource has already is searched for.
 */
async function whileLocked(inside: Context, { about, entries, marking }: Locking): Promise<Matches | undefined> {
  const wanted = wantedOf(entries);
  const [patients, others] = [wanted.filter(isPatient), wanted.filter((one) => !isPatient(one))];
  const locked = lockAll(inside.session, about);
  const open = marking.isOpen(inside.session, about);
  const searched = findAll(inside, patients);
  // What is wrong with them counts only where the message is to be applied.
  searched.catch(() => undefined);
  const [isOpen, known] = await Promise.all([open, knownIdentifiers(inside, others), locked]);
  if (!isOpen) return undefined;
  return new Map([...(await searched), ...(await findAll(inside, [...known]))]);
}

function isPatient({ type }: Wanted): boolean {
  return type === 'Patient';
}

/** What the message is about: the identifiers by which its resources are found again, as texts to lock on. */
export function criteriaOf(entries: readonly Entry[]): string[] {
  return entries.flatMap(({ resource, found, parent, move }) => [
    ...found.map((one) => lockText(String(resource['resourceType']), one)),
    ...(move?.from ?? []).map((one) => lockText('Patient', one)),
    ...(parent?.orders ?? []).map((one) => lockText('ServiceRequest', one)),
  ]);
}

function lockText(type: string, { system, value }: Found): string {
  return `${type} ${system}|${value}`;
}

type Matches = ReadonlyMap<Entry, Match>;

/** Identifiers of one search: a message has some hundred at most, a page of text. */
const atOnce = 50;

interface Wanted extends Found {
  readonly entry: Entry;
  readonly type: string;
}

function wantedOf(entries: readonly Entry[]): Wanted[] {
  return entries.flatMap((entry) =>
    entry.found.map((one) => ({ ...one, entry, type: String(entry.resource['resourceType']) })),
  );
}

async function findAll(context: Context, wanted: readonly Wanted[]): Promise<Matches> {
  const matches = new Map<Entry, Match>();
  const types = Map.groupBy(wanted, ({ type }) => type);
  for (const [type, known] of types) {
    const ofType = [...new Set(known.map(({ entry }) => entry))];
    const identifiers = [...new Set(known.map(searchValue))];
    for (let at = 0; at < identifiers.length; at += atOnce) {
      const values = identifiers.slice(at, at + atOnce).join(',');
      const found = await findMatches(storing(context), type, [['identifier', values]], mostMatches);
      if (found.length === mostMatches)
        throw outcomeError('too-costly', `Too many ${type} have the identifiers of this message.`);
      note(ofType, found, matches);
    }
  }
  return matches;
}

const mostMatches = 1_000;

/** https://hl7.org/fhir/R4/search.html#escaping */
function searchValue({ system, value }: Found): string {
  return [system, value].map((text) => text.replaceAll(/[\\$,|]/g, '\\$&')).join('|');
}

function note(entries: readonly Entry[], found: readonly Match[], matches: Map<Entry, Match>): void {
  const resources = found.map((match) => ({ match, resource: parseStored(match.text) }));
  for (const entry of entries) {
    for (const { match, resource } of resources) {
      if (!entry.found.some((one) => isOf(resource, one))) continue;
      const before = matches.get(entry);
      if (before !== undefined && before.id !== match.id) throw ambiguous(String(entry.resource['resourceType']));
      matches.set(entry, match);
    }
  }
}

function ambiguous(type: string): Error {
  return outcomeError(
    'multiple-matches',
    `The identifiers of the message lead to more than one ${type}; merge them or correct the message, then replay it.`,
  );
}

interface Coded {
  readonly identifier?: readonly { readonly system?: string; readonly value?: string }[];
  readonly code?: { readonly coding?: readonly { readonly system?: string; readonly code?: string }[] };
}

function isOf(resource: JsonObject, { system, value, code }: Found): boolean {
  const { identifier = [], code: concept } = resource as Coded;
  return (
    identifier.some((one) => one.system === system && one.value === value) &&
    (code === undefined ||
      (concept?.coding ?? []).some((coding) => coding.system === code.system && coding.code === code.code))
  );
}

/** What the message calls what is there already → `Type/id`. */
function namesOf(matches: Matches): Map<string, string> {
  return new Map(
    [...matches].map(([{ fullUrl, resource }, { id }]) => [fullUrl, `${String(resource['resourceType'])}/${id}`]),
  );
}

/** The entries of the transaction; none for what stays as it is. */
function requestsOf(entries: readonly Entry[], known: ReadonlyMap<string, string>, matches: Matches): JsonObject[] {
  const requests: JsonObject[] = [];
  // A result may be the parent of several groups, and stand in the message too.
  const changed = new Map<string, { resource: JsonObject }>();
  for (const entry of entries) {
    const { fullUrl, keep, initial = [] } = entry;
    const type = String(entry.resource['resourceType']);
    const match = matches.get(entry);
    const sent = withReferences(cloneJson(entry.resource), known) as JsonObject;
    if (match === undefined) {
      if (entry.change) continue;
      requests.push({ fullUrl, resource: withoutNulls(sent), request: { method: 'POST', url: type } });
    } else if (keep === undefined) {
      const current = parseStored(match.text);
      const url = `${type}/${match.id}`;
      const before = changed.get(url);
      for (const element of initial) delete sent[element];
      const merged = put(before?.resource ?? current, sent, entry);
      if (before !== undefined) before.resource = merged;
      if (merged === current || before !== undefined) continue;
      const request = { method: 'PUT', url, ifMatch: `W/"${match.version}"` };
      const made = { fullUrl, resource: { ...merged, id: match.id }, request };
      changed.set(url, made);
      requests.push(made);
    }
  }
  return requests;
}

/** What is there with what was sent; the same object where nothing changes. */
function put(current: JsonObject, sent: JsonObject, { parent, unlink }: Entry): JsonObject {
  // The rest of it says what was looked for.
  if (parent !== undefined) return merge(current, { hasMember: sent['hasMember'] ?? [] });
  if (unlink !== true) return merge(current, sent);
  const { link = [], ...rest } = sent;
  const gone = new Set((link as JsonObject[]).map(keyOf));
  const { link: before = [], ...whole } = current;
  const left = (before as JsonObject[]).filter((one) => !gone.has(keyOf(one)));
  if (left.length === (before as JsonObject[]).length) return merge(current, rest);
  return merge({ ...whole, ...(left.length > 0 && { link: left }) }, rest);
}

/** One for all: none where nothing changes, or where the laboratory lets interfaces write none. */
function provenanceOf(
  context: Context,
  requests: readonly JsonObject[],
  entered: readonly string[],
  { provenance }: Marking,
): JsonObject[] {
  if (requests.length + entered.length === 0 || !may(context, 'c', 'Provenance')) return [];
  const target = [
    ...requests.map(({ fullUrl = '' }) => ({ reference: fullUrl })),
    ...entered.map((version) => ({ reference: version.replace(/\/_history\/.*/, '') })),
  ];
  return [{ resource: provenance(target), request: { method: 'POST', url: 'Provenance' } }];
}

/** References to what is there already, by its id. */
function withReferences(value: JsonValue, known: ReadonlyMap<string, string>): JsonValue {
  if (Array.isArray(value)) {
    value.forEach((item, i) => {
      value[i] = withReferences(item, known);
    });
  } else if (typeof value === 'object' && value !== null) {
    for (const [name, member] of Object.entries(value)) {
      if (name === 'reference' && typeof member === 'string') value[name] = known.get(member) ?? member;
      else if (typeof member === 'object') value[name] = withReferences(member, known);
    }
  }
  return value;
}

function withoutNulls(resource: JsonObject): JsonObject {
  for (const [name, value] of Object.entries(resource)) if (value === null) delete resource[name];
  return resource;
}

export async function write(context: Context, entry: JsonObject[]): Promise<string[]> {
  if (entry.length === 0) return [];
  const resource: JsonObject = { resourceType: 'Bundle', type: 'transaction', entry };
  const answer = await serve(context, bundleRequest(resource));
  const { entry: answered = [] } = JSON.parse(answer.text ?? '{}') as {
    entry?: { response?: { location?: string } }[];
  };
  return answered.flatMap(({ response }) => {
    const [, name] = /([A-Z][A-Za-z]+\/[^/]+\/_history\/\d+)$/.exec(response?.location ?? '') ?? [];
    return name ?? [];
  });
}

function bundleRequest(resource: JsonObject): Request {
  return {
    method: 'POST',
    segments: [],
    query: [],
    headers: { 'content-type': 'application/fhir+json', prefer: 'return=minimal' },
    body: resourceBody(resource),
  };
}
