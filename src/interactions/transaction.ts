/**
 * A transaction: all of it or nothing. https://hl7.org/fhir/R4/http.html#trules
 *
 * Steps: admit every entry → lock and resolve what is conditional → give ids, refuse identities named twice → rewrite
 * references → patch, validate and print → one statement writes everything → read entries see the result → answer in
 * the order of the Bundle. A racing writer makes the whole start again inside the server.
 */
import { bundleText, type BundleEntry } from '../fhir/bundle-text.ts';
import type { EntryRequest } from '../fhir/bundle.ts';
import { rewriteReferences, type ReferenceTargets } from '../fhir/reference-rewrite.ts';
import { cloneJson, type JsonObject } from '../fhir/json.ts';
import { OutcomeError, outcomeError } from '../fhir/outcome.ts';
import { typeNumber } from '../fhir/resource-types.ts';
import type { Answer, Context } from '../request.ts';
import { retryTransaction } from '../store/errors.ts';
import type { Isolation } from '../store/pool.ts';
import type { Key } from '../store/read.ts';
import { versionHeaders, writeAnswer } from './answers.ts';
import { opened } from './binary-sealed.ts';
import type { Call } from './call.ts';
import { commitAll, inTransaction } from './commit.ts';
import { makeAllowance } from './allowance.ts';
import { answerEntry, breathe, entryPreference } from './entry.ts';
import { parseStored } from './document.ts';
import { etag, versionConflict } from './headers.ts';
import { eventOf } from './audited.ts';
import { askedOf, newTrail, showed, untracked, wrote, type Trail } from './trail.ts';
import { patched, readPatch } from './patch.ts';
import { deletion, prepare, writeResult, type Prepared } from './prepare.ts';
import type { WritePlan } from './transaction-current.ts';
import { auditFailedTransaction } from './transaction-failure.ts';
import { planTransaction } from './transaction-plan.ts';
import { conditionalReferences, referenceTargets } from './transaction-references.ts';
import { refusedPlace } from './write-access.ts';

export async function transaction(context: Context, call: Call, entries: readonly EntryRequest[]): Promise<Answer> {
  const prefer = entryPreference(call);
  const work = (inside: Context): Promise<BundleEntry[]> => run(inside, entries, prefer);
  const answers = await inTransaction(context, work, isolationFor(entries)).catch(async (error: unknown) => {
    await auditFailedTransaction(context, entries, error);
    throw error;
  });
  return { status: 200, text: bundleText({ type: 'transaction-response' }, answers) };
}

/** Entries that read see one moment, unless others wait for locks: they have to see what came before they got them. */
function isolationFor(entries: readonly EntryRequest[]): Isolation {
  const reads = entries.some(({ method }) => method === 'GET' || method === 'HEAD');
  return reads && !entries.some(isConditional) ? 'snapshot' : 'read committed';
}

function isConditional({ method, segments, headers, resource }: EntryRequest): boolean {
  if (method === 'GET' || method === 'HEAD') {
    return false;
  }
  return (
    headers['if-none-exist'] !== undefined ||
    (method !== 'POST' && segments.length === 1) ||
    conditionalReferences(resource).length > 0
  );
}

async function run(context: Context, entries: readonly EntryRequest[], prefer: string): Promise<BundleEntry[]> {
  const plan = await planTransaction(context, entries, prefer);
  const targets = await referenceTargets(context, plan);
  const answers = new Array<BundleEntry>(entries.length);
  const prepared = await prepareAll(context, plan.writes, targets);
  await writeAll(context, prepared, answers);
  for (const { entry, match, call } of plan.existing) {
    const headers = {
      ...versionHeaders(match.version, match.lastUpdated),
      location: locationOf(context, call.target.type, match),
    };
    const { lastUpdated } = match;
    const trail = newTrail(askedOf('create', call));
    showed(trail, match.stored);
    auditEntry(context, trail);
    answers[entry.index] = answerEntry({
      status: 200,
      headers,
      lastUpdated,
      ...(match.hidden !== true && /representation/.test(prefer) && { text: match.text }),
    });
  }
  for (const { entry, call } of plan.nothing) {
    auditEntry(context, newTrail(askedOf('delete', call)));
    answers[entry.index] = answerEntry({ status: 204 });
  }
  const allowance = makeAllowance();
  for (const { entry, request } of plan.reads) {
    const serve = (): Promise<Answer> => context.door.serve(context, request);
    answers[entry.index] = answerEntry(await named(entry, () => allowance.read(serve)));
  }
  return answers;
}

function keyOf(write: WritePlan): Key {
  return { type: typeNumber(write.type) ?? -1, id: write.id };
}

function locationOf(context: Context, type: string, version: { id: string; version: number }): string {
  return `${context.base}/${type}/${version.id}/_history/${version.version}`;
}

interface PreparedEntry {
  readonly write: WritePlan;
  /** None for a deletion. */
  readonly prepared?: Prepared;
}

/** Characters of a resource, a document in it, that take as long as many others. */
const isLong = 1_000_000;

async function prepareAll(
  context: Context,
  writes: readonly WritePlan[],
  targets: ReferenceTargets,
): Promise<PreparedEntry[]> {
  const done: PreparedEntry[] = [];
  for (const [i, write] of writes.entries()) {
    if (i % 50 === 49) {
      await breathe();
    }
    const prepared = await named(write.entry, () => prepareOne(context, write, targets));
    done.push(prepared);
    if ((prepared.prepared?.entry.content?.length ?? 0) > isLong) await breathe();
  }
  return done;
}

async function prepareOne(context: Context, write: WritePlan, targets: ReferenceTargets): Promise<PreparedEntry> {
  if (write.kind === 'delete') {
    return { write };
  }
  // The Bundle's own object is never changed: a racing writer may make us start again from it.
  const sent = cloneJson(write.entry.resource ?? {});
  rewriteReferences(sent, targets, write.entry.fullUrl);
  const resource = write.kind === 'patch' ? await patchedResource(context, write, sent) : sent;
  const method = write.kind === 'create' ? 'POST' : write.kind === 'patch' ? 'PATCH' : 'PUT';
  const { id, expect } = write;
  return { write, prepared: prepare(context, resource, { id, method, expect, fresh: write.fresh }) };
}

async function patchedResource(context: Context, write: WritePlan, sent: JsonObject): Promise<JsonObject> {
  const body = { ...write.call.body, resource: sent } as NonNullable<Call['body']>;
  const change = await readPatch(context, { ...write.call, body });
  const current = write.current && (await opened(context, write.current));
  return patched(parseStored(current?.text ?? ''), change);
}

/** What the conditions of the caller's scopes refuse is one of the writes. */
function ofRefused(entries: readonly PreparedEntry[], error: unknown): unknown {
  const place = refusedPlace(error);
  const refused = place && entries.find(({ write }) => write.id === place.id && typeNumber(write.type) === place.type);
  return refused && error instanceof OutcomeError ? ofEntry(refused.write.entry, error) : error;
}

/** Runs the work of an entry; what it refuses tells which entry it was. */
async function named<T>(entry: EntryRequest, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof OutcomeError ? ofEntry(entry, error) : error;
  }
}

function ofEntry(entry: EntryRequest, error: OutcomeError): OutcomeError {
  const at = `Bundle.entry[${entry.index}]`;
  const issues = error.issues.map((issue) => ({
    ...issue,
    diagnostics: `${at}: ${issue.diagnostics}`,
    expression: issue.expression?.map((text) => `${at}.resource${text.replace(/^[A-Z][A-Za-z]*/, '')}`) ?? [at],
  }));
  return new OutcomeError(issues, {
    headers: error.headers,
    ...(error.status !== undefined && { status: error.status }),
  });
}

async function writeAll(context: Context, entries: readonly PreparedEntry[], answers: BundleEntry[]): Promise<void> {
  const rows = entries.map(({ write, prepared }) => prepared ?? deletion(keyOf(write), write.expect));
  const written = await commitAll({ ...context, trail: newTrail(untracked) }, rows).catch((error: unknown) => {
    throw ofRefused(entries, error);
  });
  // A conditional delete may have removed several.
  const trails = new Map<EntryRequest, Trail>();
  entries.forEach(({ write, prepared }, i) => {
    const result = written[i];
    if (result === undefined) {
      refuse(write);
    }
    const trail = trails.get(write.entry) ?? newTrail(askedOf(write.kind, write.call));
    trails.set(write.entry, trail);
    wrote(trail, keyOf(write), result);
    if (prepared === undefined) {
      answers[write.entry.index] = answerEntry({ status: 204, headers: { etag: etag(result.version) } });
      return;
    }
    const hidden = write.hidden === true;
    const answer = writeAnswer(context, write.call, { ...writeResult(prepared, result), hidden });
    answers[write.entry.index] = answerEntry(answer, `${context.base}/${write.type}/${write.id}`);
  });
  trails.forEach((trail) => auditEntry(context, trail));
}

/** The event of one entry, stored when the transaction ends. */
function auditEntry(context: Context, trail: Trail): void {
  const event = eventOf(context, trail);
  if (event !== undefined) context.events?.push(event);
}

/** Rows that were read are locked; what was not written met a racing creation of the same id. */
function refuse(write: WritePlan): never {
  if (write.entry.headers['if-match'] !== undefined) {
    throw ofEntry(write.entry, versionConflict(String(write.expect)) as OutcomeError);
  }
  if (write.kind === 'create') {
    throw outcomeError('conflict', `Bundle.entry[${write.entry.index}]: the resource exists already.`);
  }
  throw retryTransaction(`${write.type}/${write.id} was created meanwhile.`);
}
