/**
 * Results of analyzers for specimens of the laboratory: entered as a technician would enter them (Observation/$enter-results),
 * so that the laboratory's rules hold for them: checked, converted, flagged, held by a control, calculated with, verified.
 *
 * 1. A measurement that is there already is not entered again.
 * 2. What the rules refuse (a value that cannot be, a unit that cannot be converted, a result that is released) is stored as the
 *    analyzer sent it, but preliminary whatever it says, and told (Observation?_query=refused); nothing is lost, and nothing of
 *    it is released. What no
 *    order asks for (analyzers measure more than was ordered) answers no order.
 * 3. Results of specimens that the laboratory did not accession, of controls and raw data are left to the caller.
 */
import { createHash } from 'node:crypto';
import { numberText, type JsonObject } from '../fhir/json.ts';
import { OutcomeError } from '../fhir/outcome.ts';
import { typeNumber } from '../fhir/resource-types.ts';
import type { Problem } from '../hl7v2/acknowledge.ts';
import { parseStored } from '../interactions/document.ts';
import { findMatches } from '../interactions/matches.ts';
import { storing } from '../interactions/processing-restriction.ts';
import { resultNamed } from '../laboratory/result/place.ts';
import { ucumOf } from '../laboratory/result/sent-unit.ts';
import { codings, extensions, object, objects, observationKindSystem, refusedKind, text } from '../laboratory/terms.ts';
import type { Context } from '../request.ts';
import { serve } from '../serve.ts';
import { readMany } from '../store/read.ts';
import type { Entry } from '../translation/translation.ts';
import { resourceBody } from './request.ts';

const specimenType = typeNumber('Specimen') ?? -1;
const measurementSystem = 'urn:makhbar:measurement';

/** Range flags: the laboratory's own intervals say that. */
const ofRange: ReadonlySet<string> = new Set(['N', 'L', 'H', 'LL', 'HH', '<', '>']);

/** Results of one specimen, in the order in which they came. */
export interface Measured {
  /** Specimen/… */
  readonly specimen: string;
  readonly entries: readonly Entry[];
}

export interface Entered {
  /** Versions that were made. */
  readonly resources: readonly string[];
  /** Entries to be stored as they are. */
  readonly refused: readonly Entry[];
  readonly left: readonly Problem[];
}

/** Those that the rules of the laboratory are for. */
export async function measuredOf(context: Context, entries: readonly Entry[]): Promise<Measured[]> {
  const results = entries.filter(isResult);
  const ids = [...new Set(results.map((entry) => specimenOf(entry).slice('Specimen/'.length)))];
  if (ids.length === 0) return [];
  const stored = await readMany(
    context.session,
    ids.map((id) => ({ type: specimenType, id })),
  );
  const own = new Set(stored.flatMap(({ id, text: content }) => (isAccessioned(content) ? [`Specimen/${id}`] : [])));
  const grouped = Map.groupBy(
    results.filter((entry) => own.has(specimenOf(entry))),
    specimenOf,
  );
  return [...grouped].map(([specimen, of]) => ({ specimen, entries: of }));
}

function isAccessioned(content: string | null): boolean {
  return content !== null && extensions(parseStored(content), 'specimen-state').length > 0;
}

function specimenOf({ resource }: Entry): string {
  return text(object(resource['specimen'])['reference']) ?? '';
}

/** Of a patient and a stored specimen, with a value. */
function isResult(entry: Entry): boolean {
  const { resource, parent, change } = entry;
  return (
    resource['resourceType'] === 'Observation' &&
    parent === undefined &&
    change !== true &&
    /^Patient\//.test(text(object(resource['subject'])['reference']) ?? '') &&
    /^Specimen\/[\w.-]+$/.test(specimenOf(entry)) &&
    valueOf(resource) !== undefined &&
    !['cancelled', 'entered-in-error', 'registered'].includes(String(resource['status']))
  );
}

interface Value {
  readonly name: string;
  readonly parts: readonly JsonObject[];
  /** As it was sent. */
  readonly said: string;
}

function valueOf(resource: JsonObject): Value | undefined {
  const name = Object.keys(resource).find((one) => /^value[A-Z]/.test(one));
  if (name === undefined) return undefined;
  const element = resource[name] ?? null;
  if (name !== 'valueQuantity') {
    return {
      name,
      parts: [{ name: 'value', [name]: element }],
      said: typeof element === 'string' ? element : JSON.stringify(element),
    };
  }
  const quantity = object(element);
  const [number, comparator] = [numberText(quantity, 'value'), text(quantity['comparator']) ?? ''];
  const sent = text(quantity['code']) ?? text(quantity['unit']) ?? '';
  return {
    name,
    parts: [
      { name: 'value', valueString: `${comparator}${number}` },
      ...(sent === '' ? [] : [{ name: 'unit', valueString: ucumOf(sent) }]),
    ],
    said: `${comparator}${number} ${sent}`.trim(),
  };
}

/** What one call and its answer are about. */
interface Entering {
  readonly specimen: string;
  readonly device: string | undefined;
}

export async function enterMeasured(
  inside: Context,
  measured: readonly Measured[],
  device: string | undefined,
): Promise<Entered> {
  const known = await knownMeasurements(inside, measured);
  const parts: Parts[] = [];
  for (const { specimen, entries } of measured) {
    const open = entries.filter((entry) => !known.has(measurementOf(entry)));
    parts.push(await enterAll(inside, { specimen, device }, open));
  }
  const { resources, refused } = joined(parts);
  return {
    resources,
    refused: refused.map(([entry, error]) => asPreliminary(entry, error)),
    left: refused.map(([, error]) => ({
      ...{ code: '207', severity: 'W', sentence: `A result waits for somebody: ${sentenceOf(error)}` },
    })),
  };
}

interface Parts {
  readonly resources: readonly string[];
  readonly refused: readonly (readonly [Entry, OutcomeError])[];
}

function joined(parts: readonly Parts[]): Parts {
  return {
    resources: parts.flatMap(({ resources }) => resources),
    refused: parts.flatMap(({ refused }) => refused),
  };
}

/**
 * All that the rules take in one call, so that nothing is calculated, judged or released by half of what was measured. What
 * they refuse by name is set aside first; a value that came twice goes after the first.
 */
async function enterAll(inside: Context, of: Entering, entries: readonly Entry[]): Promise<Parts> {
  const [first] = entries;
  if (first === undefined) return { resources: [], refused: [] };
  const made = await tried(inside, of, entries);
  if (!(made instanceof OutcomeError)) return { resources: made, refused: [] };
  const named = namedBy(made, entries);
  if (named.size === 0 && entries.length === 1) return { resources: [], refused: [[first, made]] };
  const parts: Parts[] = [];
  if (named.size === 0) {
    for (const entry of entries) parts.push(await enterAll(inside, of, [entry]));
    return joined(parts);
  }
  const isSecond = (entry: Entry): boolean => named.get(entry)?.issues[0]?.code === 'duplicate';
  const others = entries.filter((entry) => !named.has(entry));
  for (const some of [others, entries.filter(isSecond)]) parts.push(await enterAll(inside, of, some));
  return joined([...parts, { resources: [], refused: [...named].filter(([entry]) => !isSecond(entry)) }]);
}

/** The results that a refusal names, each with its own part of it. */
function namedBy({ issues, status }: OutcomeError, entries: readonly Entry[]): Map<Entry, OutcomeError> {
  const named = issues.flatMap((issue): [Entry, OutcomeError][] => {
    const entry = entries[resultNamed(issue) ?? -1];
    return entry === undefined ? [] : [[entry, new OutcomeError([issue], status === undefined ? {} : { status })]];
  });
  return new Map(named);
}

/** The versions that were made, or why none was. @throws OutcomeError where something was written already. */
async function tried(inside: Context, of: Entering, entries: readonly Entry[]): Promise<string[] | OutcomeError> {
  const before = inside.tally?.versions;
  try {
    return await enter(inside, of, entries);
  } catch (error) {
    if (error instanceof OutcomeError && inside.tally?.versions === before) return error;
    throw error;
  }
}

async function enter(inside: Context, { specimen, device }: Entering, entries: readonly Entry[]): Promise<string[]> {
  const parameter: JsonObject[] = [
    { name: 'specimen', valueReference: { reference: specimen } },
    ...(device === undefined ? [] : [{ name: 'device', valueReference: { reference: device } }]),
    ...entries.map((entry) => ({ name: 'result', part: partsOf(entry) })),
  ];
  const answer = await serve(inside, {
    method: 'POST',
    segments: ['Observation', '$enter-results'],
    query: [],
    headers: {},
    body: resourceBody({ resourceType: 'Parameters', parameter }),
  });
  const answered = objects(object(answer.resource ?? {})['parameter']);
  return answered.flatMap(({ name, resource }) => (name === 'outcome' ? [] : versionOf(object(resource))));
}

function versionOf({ resourceType, id, meta }: JsonObject): string {
  return `${String(resourceType)}/${String(id)}/_history/${text(object(meta)['versionId']) ?? '1'}`;
}

function partsOf(entry: Entry): JsonObject[] {
  const { resource } = entry;
  const all = codings(resource['code']);
  const [first = {}] = all;
  const own = all.at(-1) ?? first;
  const { parts, said } = valueOf(resource) ?? { parts: [], said: '' };
  const value = measurementOf(entry);
  return [
    { name: 'analyte', valueCoding: { system: first['system'] ?? '', code: first['code'] ?? '' } },
    ...parts,
    { name: 'identifier', valueIdentifier: { system: measurementSystem, value } },
    { name: 'measured', valueString: `${text(own['code']) ?? ''} ${said}`.trim().slice(0, 500) },
    ...flagsOf(resource).map((valueString) => ({ name: 'flag', valueString })),
    ...objects(resource['note']).flatMap((note) => {
      const said = text(note['text'])?.trim().slice(0, 2_000);
      return said === undefined || said === '' ? [] : [{ name: 'comment', valueString: said }];
    }),
  ];
}

function flagsOf(resource: JsonObject): string[] {
  const written = objects(resource['interpretation']).map(
    (one) => text(codings(one)[0]?.['code']) ?? text(one['text']) ?? '',
  );
  return [...new Set(written)].filter((one) => one !== '' && !ofRange.has(one)).map((one) => one.slice(0, 100));
}

/** The measurement: what the analyzer calls it, what it was, and when: a repetition may give the same value. */
function measurementOf({ found, resource }: Entry): string {
  const named = found.map(({ system, value }) => `${system}|${value}`).join(' ');
  return createHash('sha256')
    .update(`${named} ${valueOf(resource)?.said ?? ''} ${text(resource['issued']) ?? ''}`)
    .digest('hex')
    .slice(0, 40);
}

/** Those that are there. */
async function knownMeasurements(inside: Context, measured: readonly Measured[]): Promise<Set<string>> {
  const all = measured.flatMap(({ entries }) => entries.map(measurementOf));
  const known = new Set<string>();
  for (let at = 0; at < all.length; at += atOnce) {
    const values = all.slice(at, at + atOnce).map((one) => `${measurementSystem}|${one}`);
    const found = await findMatches(storing(inside), 'Observation', [['identifier', values.join()]], 2 * atOnce);
    for (const { text: content } of found) {
      for (const { system, value } of objects(parseStored(content)['identifier'])) {
        if (system === measurementSystem) known.add(String(value));
      }
    }
  }
  return known;
}

/** Measurements of one search. */
const atOnce = 50;

const refused = { system: observationKindSystem, code: refusedKind, display: 'Not entered' };

/** As it was sent, for a person to see; what no order asks for answers none, and keeps no report open. */
function asPreliminary(entry: Entry, error: OutcomeError): Entry {
  const note = [...objects(entry.resource['note']), { text: `Not entered: ${sentenceOf(error)}` }];
  const { basedOn, ...resource } = entry.resource;
  const answers = basedOn !== undefined && error.issues[0]?.code !== 'not-found';
  const category = [...objects(entry.resource['category']), { coding: [{ ...refused }] }];
  return { ...entry, resource: { ...resource, ...(answers && { basedOn }), category, status: 'preliminary', note } };
}

function sentenceOf({ issues }: OutcomeError): string {
  return issues[0]?.diagnostics ?? 'it was refused.';
}
