/**
 * The data set in the server, loaded once with the ids of the generator: the small sizes through the front door, in
 * transactions of some 1,000 resources, the larger ones by COPY (bulk.ts). A kept folder (`--data`) is used again when it
 * fits, so the large set is loaded once.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { serializeJson, type JsonObject } from '../src/fhir/json.ts';
import { loadInBulk } from './bulk.ts';
import { dataVersion, patientResources, patientsOf, type Size } from './generate.ts';

/** The address by which Makhbar itself connects to the embedded PostgreSQL. */
export function ownUrl(dataDir: string): string {
  return readFileSync(join(dataDir, 'data', 'postgresql.url'), 'utf8');
}

/** A superuser's address of it: the limits of writing and reading are measured without row level security. */
export function superuserUrl(dataDir: string): string {
  const own = new URL(ownUrl(dataDir));
  const passwords = JSON.parse(readFileSync(join(dataDir, 'data', 'postgresql.passwords.json'), 'utf8')) as {
    superuser: string;
  };
  own.username = 'postgres';
  own.password = passwords.superuser;
  return own.href;
}

interface Loaded {
  size: Size;
  version: number;
}

const mark = (dataDir: string) => join(dataDir, 'loaded.json');

export function isLoaded(dataDir: string, size: Size): boolean {
  if (!existsSync(mark(dataDir))) {
    return false;
  }
  const loaded = JSON.parse(readFileSync(mark(dataDir), 'utf8')) as Loaded;
  if (loaded.size !== size || loaded.version !== dataVersion) {
    throw new Error(
      `${dataDir} holds another data set (${loaded.size}, version ${loaded.version}); name another folder.`,
    );
  }
  return true;
}

export interface Loading {
  dataDir: string;
  size: Size;
  port: number;
  token: string;
  progress(share: number): void;
}

/** Loading one resource after another would take an hour where COPY takes minutes. */
export function isBulk(size: Size): boolean {
  return size === 'medium' || size === 'large';
}

/** Loads, gathers statistics, and marks the folder. Returns resources a second. */
export async function loadData(loading: Loading): Promise<number> {
  const count = patientsOf[loading.size];
  const started = performance.now();
  const url = superuserUrl(loading.dataDir);
  const resources = isBulk(loading.size)
    ? await loadInBulk({ ...loading, url, patients: count })
    : await loadByHttp(loading, count);
  const seconds = (performance.now() - started) / 1_000;
  const client = new pg.Client(url);
  await client.connect();
  await client.query('vacuum (analyze)');
  await client.query('checkpoint');
  await client.end();
  const loaded: Loaded = { size: loading.size, version: dataVersion };
  writeFileSync(mark(loading.dataDir), JSON.stringify(loaded));
  return resources / seconds;
}

const lanes = 4;
const batchSize = 1_000;

/** Batches of whole patients. */
function* batches(count: number): Generator<{ resources: JsonObject[]; last: number }> {
  let resources: JsonObject[] = [];
  for (let n = 0; n < count; n += 1) {
    resources.push(...patientResources(n));
    if (resources.length >= batchSize || n === count - 1) {
      yield { resources, last: n };
      resources = [];
    }
  }
}

async function loadByHttp(loading: Loading, count: number): Promise<number> {
  const source = batches(count);
  let sent = 0;
  const lane = async (): Promise<void> => {
    for (const { resources, last } of source) {
      await post(loading, transactionText(resources, 'PUT'));
      sent += resources.length;
      loading.progress(last / count);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return sent;
}

async function post({ port, token }: Loading, body: string): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${port}/demo/fhir`, {
    method: 'POST',
    headers: { 'content-type': 'application/fhir+json', authorization: `Bearer ${token}`, prefer: 'return=minimal' },
    body,
  });
  const text = await response.text();
  if (!response.ok) {
    throw new Error(`Loading failed with ${response.status}: ${text.slice(0, 1_000)}`);
  }
}

/** A transaction Bundle: with the ids of the resources (PUT), or with urn:uuid for the server to replace (POST). */
export function transactionText(resources: readonly JsonObject[], method: 'PUT' | 'POST'): string {
  const entry = resources.map((resource) => {
    const { resourceType, id } = resource as { resourceType: string; id: string };
    return method === 'PUT'
      ? { fullUrl: `urn:uuid:${id}`, resource, request: { method, url: `${resourceType}/${id}` } }
      : { fullUrl: `urn:uuid:${id}`, resource: withoutId(resource), request: { method, url: resourceType } };
  });
  const text = serializeJson({ resourceType: 'Bundle', type: 'transaction', entry } as unknown as JsonObject);
  return method === 'PUT' ? text : text.replaceAll(/"reference":"[A-Za-z]+\//g, '"reference":"urn:uuid:');
}

function withoutId(resource: JsonObject): JsonObject {
  const { id: _, ...rest } = resource;
  return rest;
}
