/** Asking for bulk exports and taking what they made. */
import { setTimeout as pause } from 'node:timers/promises';
import type { JsonObject } from '../../src/fhir/json.ts';
import type { Laboratory } from '../server.ts';

export interface OutputFile {
  readonly type?: string;
  readonly url: string;
  readonly count: number;
}

export interface Manifest {
  readonly transactionTime: string;
  readonly request: string;
  readonly output: OutputFile[];
  readonly deleted?: OutputFile[];
  readonly error: OutputFile[];
  readonly outputOrganizedBy?: string;
  readonly link?: { relation: string; url: string }[];
}

export const json = { 'content-type': 'application/fhir+json' };
export const asynchronous = { ...json, prefer: 'respond-async' };

/** Asks, and gives the answer of the kick-off. */
export function kickOff(laboratory: Laboratory, path: string, init: RequestInit = {}): Promise<Response> {
  return laboratory.fetch(path, { ...init, headers: { ...asynchronous, ...(init.headers as Record<string, string>) } });
}

export function posted(parameter: readonly JsonObject[]): RequestInit {
  return { method: 'POST', body: JSON.stringify({ resourceType: 'Parameters', parameter }) };
}

/** The answer of the status once the export is not at work any more. */
export async function ended(laboratory: Laboratory, status: string): Promise<Response> {
  for (const until = Date.now() + 120_000; ;) {
    const answer = await laboratory.fetch(pathOf(laboratory, status));
    if (answer.status !== 202 && answer.status !== 429) return answer;
    await answer.arrayBuffer();
    if (Date.now() > until) throw new Error(`The export did not end: ${answer.headers.get('x-progress')}`);
    await pause(100);
  }
}

/** @throws Error where the export is refused or fails */
export async function exported(laboratory: Laboratory, path: string, init: RequestInit = {}): Promise<Manifest> {
  const begun = await kickOff(laboratory, path, init);
  if (begun.status !== 202) throw new Error(`${path}: ${begun.status} ${await begun.text()}`);
  const done = await ended(laboratory, begun.headers.get('content-location') ?? '');
  if (done.status !== 200) throw new Error(`${path}: ${done.status} ${await done.text()}`);
  return (await done.json()) as Manifest;
}

export function pathOf(laboratory: Laboratory, url: string): string {
  return url.slice(laboratory.base.length + 1);
}

export async function linesOf(laboratory: Laboratory, files: readonly OutputFile[] = []): Promise<JsonObject[]> {
  const lines: JsonObject[] = [];
  for (const { url, count } of files) {
    const answer = await laboratory.fetch(pathOf(laboratory, url));
    if (answer.status !== 200) throw new Error(`${url}: ${answer.status}`);
    const texts = (await answer.text()).split('\n').slice(0, -1);
    if (texts.length !== count) throw new Error(`${url} has ${texts.length} lines, the manifest says ${count}.`);
    lines.push(...texts.map((text) => JSON.parse(text) as JsonObject));
  }
  return lines;
}

/** `Type/id` of each line, sorted. */
export async function namesOf(laboratory: Laboratory, files: readonly OutputFile[] = []): Promise<string[]> {
  const lines = await linesOf(laboratory, files);
  return lines.map((line) => `${String(line['resourceType'])}/${String(line['id'])}`).sort();
}

/** Writes resources under their ids in one transaction. */
export async function write(laboratory: Laboratory, resources: readonly JsonObject[]): Promise<void> {
  const entry = resources.map((resource) => ({
    resource,
    request: { method: 'PUT', url: `${String(resource['resourceType'])}/${String(resource['id'])}` },
  }));
  const body = JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry });
  const answer = await laboratory.fetch('', { method: 'POST', headers: json, body });
  if (answer.status !== 200) throw new Error(await answer.text());
}

export function patient(id: string, more: JsonObject = {}): JsonObject {
  return { resourceType: 'Patient', id, ...more };
}

export function observation(id: string, subject: string, more: JsonObject = {}): JsonObject {
  return {
    resourceType: 'Observation',
    id,
    status: 'final',
    code: { text: 'K' },
    subject: { reference: `Patient/${subject}` },
    ...more,
  };
}
