/** What the steps of the day share: the server, its people, what has been made so far; and how they tell of it. */
import { strict as assert } from 'node:assert';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { JsonObject } from '../src/fhir/json.ts';
import type { Server } from './server.ts';

export type Told = (sentence: string, ...links: readonly string[]) => void;

export interface World {
  readonly server: Server;
  /** Where documents are put that are to be looked at. */
  readonly folder: string;
  readonly tell: Told;
}

/** Somebody or something that asks the FHIR interface with a token. */
export interface Asker {
  get(path: string): Promise<JsonObject>;
  /** @throws AssertionError with what the server says, where the status is another. */
  post(path: string, body: JsonObject, status?: number): Promise<JsonObject>;
  put(path: string, body: JsonObject): Promise<JsonObject>;
  /** Resources that a search finds. */
  find(query: string): Promise<JsonObject[]>;
  /** Only the answer, whatever it is. */
  ask(path: string, init?: RequestInit): Promise<Response>;
}

export function asker({ base }: Server, token: string): Asker {
  const ask: Asker['ask'] = (path, init = {}) => {
    const headers = new Headers(init.headers);
    headers.set('authorization', `Bearer ${token}`);
    if (typeof init.body === 'string') headers.set('content-type', 'application/fhir+json');
    return fetch(`${base}/${path}`, { ...init, headers });
  };
  const read = async (method: string, path: string, body?: JsonObject, status = 200): Promise<JsonObject> => {
    const init = { method, ...(body && { body: JSON.stringify(body) }) };
    const answer = await ask(path, { ...init, headers: { prefer: 'return=representation' } });
    const said = await answer.text();
    const isWell = status === 200 ? answer.ok : answer.status === status;
    assert.ok(isWell, `${method} ${path} was answered ${answer.status}: ${said.slice(0, 800)}`);
    return JSON.parse(said) as JsonObject;
  };
  return {
    ask,
    get: (path) => read('GET', path),
    post: (path, body, status) => read('POST', path, body, status),
    put: (path, body) => read('PUT', path, body),
    find: async (query) => {
      const { entry = [] } = (await read('GET', query)) as { entry?: { resource: JsonObject }[] };
      return entry.map(({ resource }) => resource);
    },
  };
}

export type Given = string | number | boolean | JsonObject;

/** Parameters; an object with a resourceType is a resource, one with parts is parts, another a Reference or a type with its name. */
export function parameters(...given: readonly (readonly [name: string, value: Given])[]): JsonObject {
  const parameter = given.map(([name, value]): JsonObject => {
    if (typeof value === 'number') return { name, valueDecimal: value };
    if (typeof value === 'boolean') return { name, valueBoolean: value };
    if (typeof value === 'string')
      return /^[A-Z][A-Za-z]+\/[\w.-]+$/.test(value)
        ? { name, valueReference: { reference: value } }
        : { name, valueString: value };
    return 'resourceType' in value ? { name, resource: value } : { name, ...value };
  });
  return { resourceType: 'Parameters', parameter };
}

export function resourcesOf(answer: JsonObject, name: string): JsonObject[] {
  return ((answer['parameter'] ?? []) as JsonObject[])
    .filter((one) => one['name'] === name)
    .map(({ resource }) => resource as JsonObject);
}

export function refer(resource: JsonObject | undefined): string {
  return `${String(resource?.['resourceType'])}/${String(resource?.['id'])}`;
}

/** Until it gives something; what happens by itself happens soon. */
export async function eventually<T>(what: string, look: () => Promise<T | undefined>, seconds = 40): Promise<T> {
  for (const end = Date.now() + seconds * 1_000; ; await pause(100)) {
    const found = await look();
    if (found !== undefined) return found;
    assert.ok(Date.now() < end, `${what} did not come about.`);
  }
}

export async function temporary(name: string): Promise<string> {
  return await mkdtemp(join(tmpdir(), `makhbar-${name}-`));
}
