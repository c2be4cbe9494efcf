/**
 * Makes a measurable pair of a search: the request to the server, and the statements behind it. It fails where the
 * server finds nothing, or where both do not find the same.
 */
import type { Database, Statement } from '../src/store/pool.ts';
import type { SearchCase } from './search-catalog.ts';
import { recordSearch } from './search-record.ts';
import { drawPatients } from './search-values.ts';

export interface Place {
  port: number;
  token: string;
  tenant: number;
  patients: number;
  database: Database;
}

export interface PreparedSearch {
  /** Below the base of the laboratory. */
  path: string;
  statements: Statement[];
}

export async function prepareSearches(place: Place, one: SearchCase): Promise<PreparedSearch[]> {
  const prepared: PreparedSearch[] = [];
  for (const query of new Set(one.queries(drawPatients(place.patients)))) {
    const path = await pathOfPage(place, query, one.page ?? 1);
    prepared.push(await prepareSearch(place, one, path));
  }
  const [first] = prepared;
  if (first !== undefined) await compareWithServer(place, first);
  return prepared;
}

interface Bundle {
  total?: number;
  link: { relation: string; url: string }[];
  entry?: { resource: { resourceType: string; id: string } }[];
}

async function ask<T>({ port, token }: Place, path: string): Promise<T> {
  const response = await fetch(`http://127.0.0.1:${port}/demo/fhir/${path}`, {
    headers: { authorization: `Bearer ${token}` },
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${path} was answered with ${response.status}: ${text.slice(0, 1_000)}`);
  return JSON.parse(text) as T;
}

async function pathOfPage(place: Place, first: string, page: number): Promise<string> {
  let path = first;
  for (let n = 1; n < page; n += 1) {
    const { link } = await ask<Bundle>(place, path);
    const next = link.find(({ relation }) => relation === 'next');
    if (next === undefined) throw new Error(`${first} has ${n} pages, not ${page}.`);
    const { pathname, search } = new URL(next.url);
    path = `${pathname.replace('/demo/fhir/', '')}${search}`;
  }
  return path;
}

async function prepareSearch(place: Place, { name }: SearchCase, path: string): Promise<PreparedSearch> {
  const bundle = await ask<Bundle>(place, path);
  const entries = (bundle.entry ?? []).map(({ resource }) => `${resource.resourceType}/${resource.id}`);
  const { statements, found, total } = await recordSearch(place.database, place.tenant, path);
  if (entries.length === 0 && !((bundle.total ?? 0) > 0)) throw new Error(`${name}: ${path} finds nothing.`);
  if (JSON.stringify([entries, bundle.total]) !== JSON.stringify([found, total])) {
    throw new Error(`${name}: ${path} finds other resources than the statements sent by hand.`);
  }
  return { path, statements };
}

interface Explanation {
  parameter: { name: string; part?: { name: string; valueString?: string }[] }[];
}

async function compareWithServer(place: Place, { path, statements }: PreparedSearch): Promise<void> {
  const { parameter } = await ask<Explanation>(place, `${path}&_explain=true`);
  const texts = parameter
    .filter(({ name }) => name === 'statement')
    .map(({ part }) => part?.find(({ name }) => name === 'sql')?.valueString);
  if (JSON.stringify(texts) !== JSON.stringify(statements.map(({ text }) => text))) {
    throw new Error(`${path}: the server runs other statements than those that would be sent by hand.`);
  }
}
