/**
 * Random sequences of interactions, alone and in transactions, against a model in memory: after each, status, content,
 * version, search by identifier and history agree with the model.
 *
 * SEQUENCE_RUNS sets the number of sequences.
 */
import { beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { connect, type Answer, type Client } from '../../conformance/client.ts';
import { makeLaboratory } from '../server.ts';
import {
  conditional,
  current,
  matching,
  put,
  remove,
  write,
  type Expected,
  type Model,
  type Version,
} from './model.ts';

const numRuns = Number(process.env['SEQUENCE_RUNS'] ?? 25);
const system = 'http://example.org/model';
let client: Client;

beforeAll(async () => {
  const { base, token } = await makeLaboratory();
  client = connect(base, token);
});

/** Ids and identifiers are few, so that steps meet; `run` keeps the sequences apart. */
interface Step {
  kind: 'post' | 'postIfNone' | 'put' | 'putIfMatch' | 'putIf' | 'patch' | 'patchIf' | 'delete' | 'deleteIf';
  id: number;
  name: number;
  mark: number;
  version: number;
}

const steps = fc.array(
  fc.record<Step>({
    kind: fc.constantFrom('post', 'postIfNone', 'put', 'putIfMatch', 'putIf', 'patch', 'patchIf', 'delete', 'deleteIf'),
    id: fc.nat(2),
    name: fc.nat(2),
    mark: fc.integer({ min: 1, max: 1_000_000 }),
    version: fc.integer({ min: 1, max: 4 }),
  }),
  { minLength: 4, maxLength: 18 },
);

interface Request {
  method: string;
  url: string;
  resource?: Record<string, unknown>;
  patch?: unknown;
  condition?: { ifNoneExist?: string; ifMatch?: string };
}

const idOf = (run: string, step: Step): string => `${run}-${step.id}`;
const nameOf = (run: string, step: Step): string => `${run}-n${step.name}`;
const query = (name: string): string => `identifier=${system}|${name}`;

function resourceOf(version: Version, id?: string): Record<string, unknown> {
  return {
    resourceType: 'Patient',
    ...(id === undefined ? {} : { id }),
    identifier: version.names.map((value) => ({ system, value })),
    multipleBirthInteger: version.mark,
  };
}

/** What a step asks of the server. */
function requestOf(run: string, step: Step): Request {
  const [id, name] = [idOf(run, step), nameOf(run, step)];
  const version = versionOf(run, step);
  const patch = [{ op: 'add', path: '/multipleBirthInteger', value: step.mark }];
  const requests: Record<Step['kind'], Request> = {
    post: { method: 'POST', url: 'Patient', resource: resourceOf(version) },
    postIfNone: {
      method: 'POST',
      url: 'Patient',
      resource: resourceOf(version),
      condition: { ifNoneExist: query(name) },
    },
    put: { method: 'PUT', url: `Patient/${id}`, resource: resourceOf(version, id) },
    putIfMatch: {
      method: 'PUT',
      url: `Patient/${id}`,
      resource: resourceOf(version, id),
      condition: { ifMatch: `W/"${step.version}"` },
    },
    putIf: { method: 'PUT', url: `Patient?${query(name)}`, resource: resourceOf(version) },
    patch: { method: 'PATCH', url: `Patient/${id}`, patch },
    patchIf: { method: 'PATCH', url: `Patient?${query(name)}`, patch },
    delete: { method: 'DELETE', url: `Patient/${id}` },
    deleteIf: { method: 'DELETE', url: `Patient?${query(name)}` },
  };
  return requests[step.kind];
}

function versionOf(run: string, step: Step): Version {
  return { deleted: false, mark: step.mark, names: [nameOf(run, step)] };
}

/** What the specification says comes of it; changes the model. */
function expectedOf(model: Model, run: string, step: Step): Expected {
  const [id, name, version] = [idOf(run, step), nameOf(run, step), versionOf(run, step)];
  const patched = (one: string): Expected => {
    const before = current(model, one);
    if (before === undefined || before.deleted) return { status: before === undefined ? 404 : 410 };
    write(model, one, { ...before, mark: step.mark });
    return { status: 200, id: one };
  };
  const outcomes: Record<Step['kind'], () => Expected> = {
    post: () => ({ status: 201, id: 'new' }),
    postIfNone: () => conditional(model, name, { status: 201, id: 'new' }, (one) => ({ status: 200, id: one })),
    put: () => put(model, id, version),
    putIfMatch: () => put(model, id, version, step.version),
    putIf: () => conditional(model, name, { status: 201, id: 'new' }, (one) => put(model, one, version)),
    patch: () => patched(id),
    patchIf: () => conditional(model, name, { status: 404 }, patched),
    delete: () => remove(model, id),
    deleteIf: () => conditional(model, name, { status: 204 }, (one) => remove(model, one)),
  };
  return outcomes[step.kind]();
}

function send(request: Request): Promise<Answer> {
  const { ifNoneExist, ifMatch } = request.condition ?? {};
  const headers = {
    prefer: 'return=representation',
    ...(ifNoneExist === undefined ? {} : { 'if-none-exist': ifNoneExist }),
    ...(ifMatch === undefined ? {} : { 'if-match': ifMatch }),
    ...(request.patch === undefined ? {} : { 'content-type': 'application/json-patch+json' }),
  };
  return client.send(request.method, request.url, { body: request.patch ?? request.resource, headers });
}

/** The same as the one entry of a transaction. */
async function sendInTransaction(request: Request): Promise<{ status: number; id: string | undefined }> {
  const data = Buffer.from(JSON.stringify(request.patch ?? null)).toString('base64');
  const binary = { resourceType: 'Binary', contentType: 'application/json-patch+json', data };
  const resource = request.patch === undefined ? request.resource : binary;
  const { method, url, condition } = request;
  const entry = [{ ...(resource === undefined ? {} : { resource }), request: { method, url, ...condition } }];
  const answer = await client.send('POST', '', { body: { resourceType: 'Bundle', type: 'transaction', entry } });
  if (answer.status !== 200) return { status: answer.status, id: undefined };
  const { status, location } = answer.json.entry[0].response;
  return { status: Number(status.slice(0, 3)), id: /Patient\/([^/]+)/.exec(location ?? '')?.[1] };
}

async function done(request: Request, inTransaction: boolean): Promise<{ status: number; id: string | undefined }> {
  if (inTransaction) return sendInTransaction(request);
  const answer = await send(request);
  return {
    status: answer.status,
    id: answer.json?.id ?? /Patient\/([^/]+)/.exec(answer.headers.get('location') ?? '')?.[1],
  };
}

/** Each resource of the model is as the model says: content, version, history, search. */
async function compare(model: Model, run: string): Promise<void> {
  for (const [id, versions] of model) {
    const last = versions.at(-1)!;
    const read = await client.send('GET', `Patient/${id}`);
    expect([id, read.status]).toEqual([id, last.deleted ? 410 : 200]);
    if (!last.deleted) {
      expect([read.json.multipleBirthInteger, read.json.meta.versionId]).toEqual([last.mark, String(versions.length)]);
    }
    const history = await client.send('GET', `Patient/${id}/_history?_count=100`);
    const marks = history.json.entry.map(
      (entry: { resource?: { multipleBirthInteger: number } }) => entry.resource?.multipleBirthInteger ?? 0,
    );
    expect(marks).toEqual(versions.map((version) => version.mark).toReversed());
  }
  for (const name of [0, 1, 2].map((n) => `${run}-n${n}`)) {
    const found = await client.send('GET', `Patient?${query(name)}&_count=100`);
    const ids = (found.json.entry ?? []).map((entry: { resource: { id: string } }) => entry.resource.id);
    expect(ids.toSorted()).toEqual(matching(model, name).toSorted());
  }
}

let sequences = 0;

async function play(sequence: readonly Step[], inTransaction: boolean): Promise<void> {
  const run = `s${sequences++}`;
  const model: Model = new Map();
  for (const step of sequence) {
    const request = requestOf(run, step);
    const expected = expectedOf(model, run, step);
    const got = await done(request, inTransaction);
    expect({ step: step.kind, status: got.status }).toEqual({ step: step.kind, status: expected.status });
    if (expected.id === 'new') write(model, got.id!, versionOf(run, step));
    else if (expected.id !== undefined) expect(got.id).toBe(expected.id);
  }
  await compare(model, run);
}

test('interactions one by one', async () => {
  await fc.assert(
    fc.asyncProperty(steps, (sequence) => play(sequence, false)),
    { numRuns },
  );
});

test('the same as entries of transactions', async () => {
  await fc.assert(
    fc.asyncProperty(steps, (sequence) => play(sequence, true)),
    { numRuns },
  );
});
