/**
 * Batch and transaction Bundles as they arrive: their entries, checked and in order of processing.
 * https://hl7.org/fhir/R4/http.html#transaction, https://hl7.org/fhir/R4/bundle.html#Bundle (bdl-1 to bdl-8)
 *
 * Invariants
 * 1. A Bundle is refused as a whole, with every fault that it has; what is left of it is never processed alone.
 * 2. In a transaction no resource that the urls name is written twice, whatever the methods. Resources that only criteria
 *    name are told apart where the criteria are answered.
 */
import { faultsOfEntry, parseEntry, type EntryMethod, type EntryRequest } from './bundle-entry.ts';
import type { JsonObject, JsonValue } from './json.ts';
import { OutcomeError, outcomeError, type Issue } from './outcome.ts';

export type { EntryRequest } from './bundle-entry.ts';

export interface BundleRequest {
  readonly type: 'batch' | 'transaction';
  /** In the order of the Bundle. */
  readonly entries: readonly EntryRequest[];
}

/** Most entries of one Bundle. */
export const mostEntries = 10_000;

const mostFaults = 100;

const phases: Readonly<Record<EntryMethod, number>> = { DELETE: 0, POST: 1, PUT: 2, PATCH: 2, GET: 3, HEAD: 3 };

export const readPhase = phases.GET;

/** When an entry is processed, as a number that sorts. */
export function phaseOf(entry: EntryRequest): number {
  return phases[entry.method];
}

/** DELETE, POST, PUT and PATCH, GET and HEAD: what the specification processes together, in this order. */
export function inPhases(entries: readonly EntryRequest[]): EntryRequest[][] {
  return [0, 1, 2, 3].map((phase) => entries.filter((entry) => phaseOf(entry) === phase));
}

/**
 * The entries of a Bundle. `bases`: our own addresses, of which an entry's url may begin with one.
 * @throws OutcomeError naming every entry that is wrong.
 */
export function parseBundle(bundle: JsonObject, bases: readonly string[]): BundleRequest {
  const { type } = bundle;
  if (type !== 'batch' && type !== 'transaction') {
    throw outcomeError('value', 'A Bundle sent to the base must have the type batch or transaction.', {
      expression: 'Bundle.type',
      status: 400,
    });
  }
  const items = itemsOf(bundle);
  const issues = faultsOfBundle(bundle);
  const entries = items.flatMap((item, index) => parseEntry(item, { index, bases, issues }) ?? []);
  for (const entry of entries) {
    issues.push(...faultsOfEntry(entry));
  }
  issues.push(...twice(entries, (entry) => entry.fullUrl, 'fullUrl'));
  if (type === 'transaction') {
    issues.push(...twice(entries, identityOf, 'resource'));
  }
  if (issues.length > 0) {
    throw new OutcomeError(issues.slice(0, mostFaults), { status: 400 });
  }
  return { type, entries };
}

function itemsOf(bundle: JsonObject): JsonValue[] {
  const items = bundle['entry'] ?? [];
  if (!Array.isArray(items)) {
    throw outcomeError('structure', 'Bundle.entry must be an array.', { expression: 'Bundle.entry' });
  }
  if (items.length > mostEntries) {
    throw outcomeError('too-costly', `A Bundle may have ${mostEntries} entries; this one has ${items.length}.`);
  }
  return items;
}

const members = new Set(
  `resourceType id meta implicitRules language identifier type timestamp total link entry signature`
    .split(' ')
    .flatMap((name) => [name, `_${name}`]),
);

/** What a Bundle may have beside its entries; implicitRules and total would change or contradict what it asks. */
function faultsOfBundle(bundle: JsonObject): Issue[] {
  const unknown = Object.keys(bundle).filter((name) => !members.has(name));
  const issues = unknown.map((name) => fault(`Bundle has no element "${name.slice(0, 80)}".`, 'Bundle'));
  if (bundle['total'] !== undefined) {
    issues.push(fault('Only a search result or a history has a total (bdl-1).', 'Bundle.total', 'invariant'));
  }
  if (bundle['implicitRules'] !== undefined) {
    issues.push(fault('The implicitRules of the Bundle are not known here.', 'Bundle.implicitRules', 'not-supported'));
  }
  return issues;
}

function fault(diagnostics: string, expression: string, code: Issue['code'] = 'structure'): Issue {
  return { severity: 'error', code, diagnostics, expression: [expression] };
}

/** The resource that an entry writes, where its url names it. */
function identityOf({ method, segments, query }: EntryRequest): string | undefined {
  const writes = method === 'PUT' || method === 'PATCH' || method === 'DELETE';
  return writes && segments.length === 2 && query.length === 0 ? segments.join('/') : undefined;
}

function twice(
  entries: readonly EntryRequest[],
  nameOf: (entry: EntryRequest) => string | undefined,
  what: string,
): Issue[] {
  const first = new Map<string, number>();
  return entries.flatMap((entry) => {
    const name = nameOf(entry);
    const before = name === undefined ? undefined : first.get(name);
    if (name !== undefined && before === undefined) {
      first.set(name, entry.index);
    }
    const sentence = `The ${what} ${name?.slice(0, 120)} stands in entries ${before} and ${entry.index}; it may be in one only.`;
    return before === undefined ? [] : [fault(sentence, `Bundle.entry[${entry.index}]`, 'duplicate')];
  });
}
