/**
 * Reindex: makes the index rows of a tenant's resources anew, so that new search parameters find what was stored before
 * them, or after an upgrade of the indexer.
 *
 *   wait   until no write by an older revision is under way; from then on each write is by the revision or marked
 *   scan   all resources up to the last one there is then, in batches, by rid
 *   close  once every process has had the time to learn of the revision: older ones are refused from now on
 *   drain  until none of those is under way; then what they marked is done again, and the parameters are complete
 *
 * A Consent's rules (store/consent.ts) are made anew with its index rows.
 * Asked for by the write of a SearchParameter (input {}: those that are not complete), or by $reindex (input
 * {everything}, {types} or {url}). References to our own address count as local where the address is configured.
 */
import { OutcomeError, outcomeError } from '../fhir/outcome.ts';
import type { JsonObject } from '../fhir/json.ts';
import { resourceTypes, typeNumber } from '../fhir/resource-types.ts';
import { storedConsent } from '../interactions/consent-check.ts';
import { parseStored } from '../interactions/document.ts';
import { usableParameters } from '../interactions/own-parameters.ts';
import { indexParametersOf, typesOf } from '../interactions/search-parameters.ts';
import { extract } from '../search/extract.ts';
import type { TenantParameters } from '../search/parameters.ts';
import type { OwnParameter } from '../store/own-parameter.ts';
import {
  ageOfRevision,
  analyzeIndex,
  clearStale,
  closeRevisions,
  extentOf,
  readStale,
  readWindow,
  worthAnalyzing,
  writeIndex,
  writersBefore,
  type IndexedResource,
  type Reindexed,
} from '../store/reindex.ts';
import { loadSearchState, setIndexed, type SearchState } from '../store/search-parameters.ts';
import { markTenant } from '../store/tenant-mark.ts';
import { more, type JobContext, type Run, type Step } from './job.ts';
import { basesOf } from './own-bases.ts';

interface Cursor {
  readonly phase: 'wait' | 'scan' | 'close' | 'drain';
  readonly revision: number;
  /** What is complete at the end. */
  readonly sources: readonly string[];
  /** Numbers of the types whose resources are done. */
  readonly types: readonly number[];
  readonly after: string;
  readonly last: string;
}

/** Milliseconds: a tenant is remembered for 2 s (store/tenant-cache.ts), and a request takes a while to be written. */
const knownEverywhere = 4_000;
/** Milliseconds between two looks for writes under way. */
const look = 100;
/** Resources whose row is locked at once. */
const batchSize = 200;
/** Rows looked at for one batch where few are of a wanted type. */
const windowSize = 400;

export async function reindex(context: JobContext, run: Run): Promise<Step> {
  const state = await stateOf(context, run);
  const cursor = (run.job.cursor as unknown as Cursor | undefined) ?? begin(run, state);
  return phases[cursor.phase]({ context, run, state, cursor });
}

interface Phase {
  readonly context: JobContext;
  readonly run: Run;
  readonly state: SearchState;
  readonly cursor: Cursor;
}

const phases: Readonly<Record<Cursor['phase'], (phase: Phase) => Promise<Step>>> = { wait, scan, close, drain };

async function stateOf({ server, searchStates }: JobContext, { tenant }: Run): Promise<SearchState> {
  const state = await loadSearchState(server.database, tenant.id, searchStates.get(tenant.id));
  searchStates.set(tenant.id, state);
  return state;
}

function begin({ job }: Run, state: SearchState): Cursor {
  const usable = usableParameters(state.own);
  const chosen = choose(job.input, usable, new Set(state.indexed));
  const named = job.input['types'] as string[] | undefined;
  const types = named ?? (job.input['everything'] === true ? undefined : typesOf(chosen)) ?? resourceTypes;
  return {
    phase: 'wait',
    revision: state.revision,
    sources: chosen.map(({ source }) => source),
    types: types.flatMap((type) => typeNumber(type) ?? []),
    after: '0',
    last: '0',
  };
}

function choose(
  input: JsonObject,
  usable: readonly OwnParameter[],
  complete: ReadonlySet<string>,
): readonly OwnParameter[] {
  if (input['types'] !== undefined) return [];
  if (input['url'] !== undefined) return usable.filter(({ definition }) => definition.url === input['url']);
  return input['everything'] === true ? usable : usable.filter(({ source }) => !complete.has(source));
}

function go({ run }: Phase, cursor: Cursor, changed: Parameters<typeof more>[2] = {}): Step {
  return more(run, cursor as unknown as JsonObject, changed);
}

async function wait(phase: Phase): Promise<Step> {
  const { run, cursor } = phase;
  if (await writersBefore(run.session, cursor.revision)) return go(phase, cursor, { pause: look });
  const { last, live } = await extentOf(run.session);
  const types = cursor.types.length;
  return go(
    phase,
    { ...cursor, phase: 'scan', last: types === 0 ? '0' : last },
    { done: 0, total: types === 0 ? 0 : live },
  );
}

async function scan(phase: Phase): Promise<Step> {
  const { run, cursor } = phase;
  const { last, types } = cursor;
  let after = cursor.after;
  let done = run.job.done;
  do {
    const window = await readWindow(run.session, { after, last, size: windowSize }, types);
    for (let at = 0; at < window.resources.length; at += batchSize) {
      await indexBatch(phase, window.resources.slice(at, at + batchSize));
    }
    done += window.passed;
    if (window.next === undefined) return go(phase, { ...cursor, phase: 'close' }, { done });
    after = window.next;
  } while (Date.now() < run.until);
  return go(phase, { ...cursor, after }, { done });
}

/** The rids that still were of the version that was read. */
async function indexBatch(phase: Phase, resources: readonly IndexedResource[]): Promise<void> {
  const { context, run } = phase;
  const batch = rowsOf(phase, resources);
  if (batch.some(({ consent }) => consent !== undefined && consent.length > 0)) {
    await markTenant(context.server.database, run.tenant.id, 'consents');
  }
  await context.server.database.transaction(run.tenant.id, (session) => writeIndex(session, batch));
}

function rowsOf(phase: Phase, resources: readonly IndexedResource[]): Reindexed[] {
  const parameters = parametersOf(phase);
  return resources.map((resource) => rowsOfOne(resource, parameters));
}

function parametersOf({ context: { server }, run: { tenant }, state }: Phase): TenantParameters {
  const bases = basesOf(server.config, tenant.name);
  return { ...indexParametersOf({ tenant: { ...tenant, search: state }, base: '' }), bases };
}

function rowsOfOne(indexed: IndexedResource, parameters: TenantParameters): Reindexed {
  const resource = parseStored(indexed.text);
  const consent = resource['resourceType'] === 'Consent' ? storedConsent(resource, parameters) : undefined;
  try {
    return { resource: indexed, index: extract(resource, parameters), consent };
  } catch (error) {
    if (!(error instanceof OutcomeError)) throw error;
    throw outcomeError(
      'processing',
      `${String(resource['resourceType'])}/${String(resource['id'])} cannot be indexed: ${error.message}`,
    );
  }
}

async function close(phase: Phase): Promise<Step> {
  const { run, cursor } = phase;
  const age = await ageOfRevision(run.session);
  if (age < knownEverywhere) return go(phase, cursor, { pause: knownEverywhere - age });
  await closeRevisions(run.session, cursor.revision);
  return go(phase, { ...cursor, phase: 'drain' });
}

async function drain(phase: Phase): Promise<Step> {
  const { context, run, cursor, state } = phase;
  if (await writersBefore(run.session, cursor.revision)) return go(phase, cursor, { pause: look });
  do {
    if ((await indexMarked(phase)) === 0) {
      if (run.job.done >= worthAnalyzing) await analyzeIndex(context.server.database);
      const wanted = usableParameters(state.own).map(({ source }) => source);
      await setIndexed(
        run.session,
        cursor.sources.filter((source) => wanted.includes(source)),
        wanted,
      );
      return { done: run.job.done };
    }
  } while (Date.now() < run.until);
  return go(phase, cursor);
}

/** Does some of the marked resources again; gives how many there were. */
async function indexMarked(phase: Phase): Promise<number> {
  const { context, run } = phase;
  const { rids, resources } = await readStale(run.session, batchSize);
  const batch = rowsOf(phase, resources);
  await context.server.database.transaction(run.tenant.id, async (session) => {
    const done = await writeIndex(session, batch);
    await clearStale(session, { rids, done, live: new Set(resources.map(({ rid }) => rid)) });
  });
  return rids.length;
}
