/** What the tests of search parameters and of jobs do with a laboratory. */
import { setTimeout as pause } from 'node:timers/promises';
import type { JsonObject } from '../../src/fhir/json.ts';
import type { Laboratory } from '../server.ts';

const headers = { 'content-type': 'application/fhir+json' };

export interface Answered {
  status: number;
  json: JsonObject;
  headers: Headers;
  /** The sentences of an OperationOutcome. */
  said: string;
}

export async function ask(laboratory: Laboratory, path: string, init: RequestInit = {}): Promise<Answered> {
  const response = await laboratory.fetch(path, init);
  const text = await response.text();
  const json = (text === '' ? {} : JSON.parse(text)) as JsonObject;
  const issues = (json['issue'] ?? []) as { diagnostics: string }[];
  return {
    status: response.status,
    json,
    headers: response.headers,
    said: issues.map(({ diagnostics }) => diagnostics).join(' '),
  };
}

export function send(laboratory: Laboratory, method: string, path: string, body?: JsonObject): Promise<Answered> {
  return ask(laboratory, path, { method, headers, ...(body && { body: JSON.stringify(body) }) });
}

/** An active SearchParameter of Observation. */
export function parameter(id: string, more: JsonObject = {}): JsonObject {
  return {
    resourceType: 'SearchParameter',
    id,
    url: `http://example.org/SearchParameter/${id}`,
    name: 'Own',
    status: 'active',
    description: 'A parameter of a laboratory.',
    code: id,
    base: ['Observation'],
    type: 'string',
    expression: 'Observation.note.text',
    ...more,
  };
}

export function observation(id: string, more: JsonObject = {}): JsonObject {
  return { resourceType: 'Observation', id, status: 'final', code: { text: 'K' }, ...more };
}

export const noted = (text: string): JsonObject => ({ note: [{ text }] });

/** The ids that a search finds, sorted. @throws Error with what the server says. */
export async function found(laboratory: Laboratory, path: string): Promise<string[]> {
  const answer = await ask(laboratory, `${path}${path.includes('?') ? '&' : '?'}_count=1000`);
  if (answer.status !== 200) throw new Error(`${answer.status} ${answer.said}`);
  const entries = (answer.json['entry'] ?? []) as { resource: { id: string } }[];
  return entries.map(({ resource }) => resource.id).sort();
}

/** Waits until a search is possible; gives what was said before. */
export async function untilSearchable(laboratory: Laboratory, path: string, seconds = 50): Promise<string[]> {
  const said = new Set<string>();
  for (const end = Date.now() + seconds * 1_000; Date.now() < end; await pause(100)) {
    const answer = await ask(laboratory, path);
    if (answer.status === 200) return [...said];
    said.add(answer.said);
  }
  throw new Error(`Not searchable after ${seconds} s: ${[...said].join(' | ')}`);
}

/** Waits until the status of a job is no longer 202. */
export async function untilSettled(laboratory: Laboratory, location: string, seconds = 60): Promise<Answered> {
  for (const end = Date.now() + seconds * 1_000; Date.now() < end; await pause(100)) {
    const answer = await ask(laboratory, location.slice(laboratory.base.length + 1));
    if (answer.status !== 202) return answer;
  }
  throw new Error(`The job has not ended after ${seconds} s.`);
}
