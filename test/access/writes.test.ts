/**
 * Random writes of random callers against a model: the status, and what is stored afterwards. What is there must meet the
 * conditions of changing or deleting it, what is written those of creating or changing; what the caller does not see is
 * answered like what is not there. ACCESS_WRITES sets how many (default 250), ACCESS_SEED which.
 */
import { beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { JsonObject } from '../../src/fhir/json.ts';
import { makeLaboratory, signIn, type Laboratory } from '../server.ts';
import { callerOf, type RandomCaller } from './generate.ts';
import { judge, type Judge } from './judge.ts';

const runs = Number(process.env['ACCESS_WRITES'] ?? 250);
const seed = Number(process.env['ACCESS_SEED'] ?? 20_240_229);

interface Kept {
  readonly resource: JsonObject;
  readonly live: boolean;
  readonly version: number;
}

const kept = new Map<string, Kept>();
const patients: JsonObject[] = ['1', '2', '3'].map((id) => ({
  resourceType: 'Patient',
  id,
  gender: id === '2' ? 'female' : 'male',
  active: id !== '3',
}));
let lab: Laboratory;

const pick = fc.constantFrom;
const ids = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'] as const;
const marks = ['m-1', 'm-2', 'm-3'] as const;

const content = fc
  .record({
    status: pick('final', 'final', 'preliminary'),
    subject: pick('Patient/1', 'Patient/2', 'Patient/3'),
    code: pick('x', 'y'),
    mark: pick(...marks),
  })
  .map(({ status, subject, code, mark }): JsonObject => ({
    resourceType: 'Observation',
    status,
    code: { coding: [{ system: 'http://c', code }] },
    subject: { reference: subject },
    identifier: [{ system: 'http://m', value: mark }],
  }));

const filter = pick(
  '',
  '',
  '?status=final',
  '?status:not=final',
  '?code=x',
  '?patient.gender=male',
  '?patient.active=true&status=final',
  '?patient=Patient/1,Patient/2',
  '?nonsense=1',
);
const scope = fc
  .record({
    context: pick('user', 'patient'),
    letters: pick('cruds', 'cruds', 'cud', 'rs', 'us', 'ds', 'cs', 'ru'),
    filter,
  })
  .map((one) => `${one.context}/Observation.${one.letters}${one.filter}`);
const caller: fc.Arbitrary<RandomCaller> = fc
  .record({
    scopes: fc.array(scope, { minLength: 1, maxLength: 3 }),
    patients: pick('user/Patient.rs', 'user/Patient.rs?active=true', 'patient/Patient.r'),
    patient: pick('1', '2'),
    roleScopes: fc.option(pick(['user/*.cruds'], ['user/Observation.cruds?status=final', 'user/Patient.rs']), {
      nil: undefined,
      freq: 3,
    }),
  })
  .map(({ scopes, patients: seen, patient, roleScopes }) => ({
    scopes: [...scopes, seen].join(' '),
    about: { patient, ...(roleScopes && { roleScopes }) },
  }));

interface Deed {
  readonly kind: 'create' | 'create-if-none' | 'update' | 'patch' | 'delete' | 'update-by' | 'patch-by' | 'delete-by';
  readonly id: string;
  readonly mark: string;
  readonly content: JsonObject;
  readonly alone: boolean;
}

const deed: fc.Arbitrary<Deed> = fc.record({
  kind: pick('create', 'create-if-none', 'update', 'update', 'patch', 'delete', 'update-by', 'patch-by', 'delete-by'),
  id: pick(...ids),
  mark: pick(...marks),
  content,
  alone: fc.boolean(),
});

/** What the model expects: a status, and what is written under which id (a new one where the server makes it). */
interface Expected {
  readonly status: number;
  readonly writes?: { readonly id: string | undefined; readonly resource: JsonObject | undefined };
}

function world(change?: { id: string; resource: JsonObject }): JsonObject[] {
  const resources = [...kept.values()].flatMap(({ resource, live }) => (live ? [resource] : []));
  const others = resources.filter(({ id }) => id !== change?.id);
  return [...patients, ...others, ...(change ? [change.resource] : [])];
}

type Letter = 'c' | 'r' | 'u' | 'd' | 's';

interface Model {
  granted(letter: Letter): boolean;
  may(letter: Letter, resource: JsonObject): boolean;
  /** As written, in the world as it is then. */
  mayWrite(letter: Letter, resource: JsonObject): boolean;
}

function modelOf(random: RandomCaller): Model {
  const made = callerOf(random);
  const now: Judge = judge({ caller: made, resources: world() });
  return {
    granted: (letter) => now.granted(letter, 'Observation'),
    may: (letter, resource) => now.may(letter, resource),
    mayWrite: (letter, resource) => {
      const after = judge({ caller: made, resources: world({ id: String(resource['id'] ?? '-'), resource }) });
      return after.may(letter, resource);
    },
  };
}

const patchedStatus = 'final';
const patched = (resource: JsonObject): JsonObject => ({ ...resource, status: patchedStatus });

function expected({ kind, id, mark, content: sent }: Deed, model: Model): Expected {
  const letter = kind.startsWith('create') ? 'c' : kind.startsWith('delete') ? 'd' : 'u';
  if (!model.granted(letter)) return { status: 403 };
  if (kind === 'create') return creation(sent, undefined, model);
  if (kind === 'update' || kind === 'patch' || kind === 'delete') return direct(kind, id, sent, model);
  if (!model.granted('s')) return { status: 403 };
  const matches = world().filter((one) => isMarked(one, mark) && model.may('s', one));
  const [match] = matches;
  if (matches.length > 1) return { status: 412 };
  if (kind === 'create-if-none') return match ? { status: 200 } : creation(sent, undefined, model);
  if (match === undefined) {
    if (kind === 'delete-by') return { status: 204 };
    if (kind === 'patch-by') return { status: 404 };
    return model.granted('c') ? creation(sent, undefined, model) : { status: 403 };
  }
  if (!model.may(letter, match)) return { status: 403 };
  const own = String(match['id']);
  if (kind === 'delete-by') return { status: 204, writes: { id: own, resource: undefined } };
  return change(own, kind === 'patch-by' ? patched(match) : { ...sent, id: own }, model);
}

function isMarked(resource: JsonObject, mark: string): boolean {
  return JSON.stringify(resource['identifier'] ?? '').includes(mark);
}

function creation(resource: JsonObject, id: string | undefined, model: Model): Expected {
  const made = id === undefined ? resource : { ...resource, id };
  return model.mayWrite('c', made) ? { status: 201, writes: { id, resource: made } } : { status: 403 };
}

function change(id: string, resource: JsonObject, model: Model): Expected {
  return model.mayWrite('u', resource) ? { status: 200, writes: { id, resource } } : { status: 403 };
}

function direct(kind: 'update' | 'patch' | 'delete', id: string, sent: JsonObject, model: Model): Expected {
  const there = kept.get(id);
  const letter = kind === 'delete' ? 'd' : 'u';
  const open = there !== undefined && model.may(letter, there.resource);
  if (there !== undefined && !open && (model.may('r', there.resource) || model.may('s', there.resource))) {
    return { status: 403 };
  }
  if (kind === 'delete') {
    return { status: 204, ...(open && there.live && { writes: { id, resource: undefined } }) };
  }
  if (kind === 'patch') {
    if (!open) return { status: 404 };
    return there.live ? change(id, patched(there.resource), model) : { status: 410 };
  }
  const resource = { ...sent, id };
  if (open && there.live) return change(id, resource, model);
  if (!model.granted('c')) return { status: 405 };
  return there !== undefined && !open ? { status: 403 } : creation(resource, id, model);
}

const json = { 'content-type': 'application/fhir+json' };
const patch = [{ op: 'replace', path: '/status', value: patchedStatus }];

/** Method, path, body and headers of a deed. */
function requestOf({ kind, id, mark, content: sent }: Deed): [string, string, unknown, Record<string, string>] {
  const criteria = `identifier=http://m|${mark}`;
  const jsonPatch = { 'content-type': 'application/json-patch+json' };
  switch (kind) {
    case 'create':
      return ['POST', 'Observation', sent, json];
    case 'create-if-none':
      return ['POST', 'Observation', sent, { ...json, 'if-none-exist': criteria }];
    case 'update':
      return ['PUT', `Observation/${id}`, { ...sent, id }, json];
    case 'update-by':
      return ['PUT', `Observation?${criteria}`, sent, json];
    case 'patch':
      return ['PATCH', `Observation/${id}`, patch, jsonPatch];
    case 'patch-by':
      return ['PATCH', `Observation?${criteria}`, patch, jsonPatch];
    case 'delete':
      return ['DELETE', `Observation/${id}`, undefined, {}];
    case 'delete-by':
      return ['DELETE', `Observation?${criteria}`, undefined, {}];
  }
}

interface Done {
  readonly status: number;
  /** Of what was written. */
  readonly id: string | undefined;
}

async function ask(asker: Laboratory, one: Deed): Promise<Done> {
  const [method, path, body, headers] = requestOf(one);
  if (!one.alone) return askInTransaction(asker, one);
  const init = { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) };
  const response = await asker.fetch(path, init);
  await response.text();
  return { status: response.status, id: idIn(response.headers.get('location')) };
}

const idIn = (location: string | null | undefined): string | undefined =>
  /Observation\/([^/]+)\/_history/.exec(location ?? '')?.[1];

async function askInTransaction(asker: Laboratory, one: Deed): Promise<Done> {
  const [method, url, body, headers] = requestOf(one);
  const ifNoneExist = headers['if-none-exist'];
  const resource =
    method === 'PATCH'
      ? {
          resourceType: 'Binary',
          contentType: 'application/json-patch+json',
          data: Buffer.from(JSON.stringify(body)).toString('base64'),
        }
      : body;
  const entry = [{ request: { method, url, ...(ifNoneExist && { ifNoneExist }) }, ...(resource ? { resource } : {}) }];
  const bundle = JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry });
  const response = await asker.fetch('', { method: 'POST', body: bundle, headers: json });
  const answer = (await response.json()) as { entry?: { response: { status: string; location?: string } }[] };
  const [first] = answer.entry ?? [];
  if (response.status !== 200 || first === undefined) return { status: response.status, id: undefined };
  return { status: Number(first.response.status.slice(0, 3)), id: idIn(first.response.location) };
}

/** What the model keeps after a deed, and that the laboratory keeps the same. */
async function settle(one: Deed, wanted: Expected, id: string | undefined): Promise<void> {
  const { writes } = wanted;
  if (writes !== undefined) {
    const name = writes.id ?? id ?? '';
    const before = kept.get(name);
    const version = (before?.version ?? 0) + 1;
    const resource = writes.resource === undefined ? before!.resource : { ...writes.resource, id: name };
    kept.set(name, { resource, live: writes.resource !== undefined, version });
  }
  for (const name of new Set([writes?.id ?? id, one.id])) {
    const there = name === undefined ? undefined : kept.get(name);
    const response = await lab.fetch(`Observation/${name}`);
    const body = (await response.json()) as JsonObject;
    if (there?.live !== true) {
      expect([name, response.status]).toEqual([name, there === undefined ? 404 : 410]);
      continue;
    }
    const { meta, ...stored } = body;
    expect(stored).toEqual(there.resource);
    expect((meta as JsonObject)['versionId']).toBe(String(there.version));
  }
}

beforeAll(async () => {
  lab = await makeLaboratory();
  for (const resource of patients) {
    const path = `Patient/${String(resource['id'])}`;
    await lab.fetch(path, { method: 'PUT', body: JSON.stringify(resource), headers: json });
  }
  const contents = fc.sample(content, { numRuns: 6, seed });
  for (const [i, one] of contents.entries()) {
    const id = ids[i] ?? '';
    const resource = { ...one, id };
    await lab.fetch(`Observation/${id}`, { method: 'PUT', body: JSON.stringify(resource), headers: json });
    kept.set(id, { resource, live: true, version: 1 });
  }
});

test(
  `${runs} random writes are answered and stored as the model says`,
  async () => {
    const seen = new Map<number, number>();
    const all = fc.sample(fc.tuple(caller, fc.array(deed, { minLength: 5, maxLength: 5 })), {
      numRuns: runs / 5,
      seed,
    });
    for (const [random, deeds] of all) {
      const asker = await signIn(lab.tenant, random.scopes, 's', random.about);
      for (const one of deeds) {
        const wanted = expected(one, modelOf(random));
        const { status, id } = await ask(asker, one);
        seen.set(wanted.status, (seen.get(wanted.status) ?? 0) + 1);
        expect({ random, one, status }).toEqual({ random, one, status: wanted.status });
        await settle(one, wanted, id);
      }
    }
    // Each kind of answer was given.
    expect([...seen.keys()]).toEqual(expect.arrayContaining([200, 201, 204, 403, 404]));
  },
  runs * 200 + 30_000,
);
