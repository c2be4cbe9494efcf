/** Bundles that the cases send, and what they ask of the answers. */
import { check, same, status } from './checks.ts';
import type { Answer } from './client.ts';
import type { Resource, World } from './world.ts';

export interface Entry {
  fullUrl?: string;
  resource?: Resource;
  request: Record<string, unknown> & { method: string; url: string };
}

export function bundle(type: 'batch' | 'transaction', entry: readonly Entry[]): Resource {
  return { resourceType: 'Bundle', type, entry };
}

export function post(resource: Resource, fullUrl?: string, request: Record<string, unknown> = {}): Entry {
  const entry: Entry = { resource, request: { ...request, method: 'POST', url: resource.resourceType } };
  return fullUrl === undefined ? entry : { fullUrl, ...entry };
}

export function put(resource: Resource, url: string, request: Record<string, unknown> = {}): Entry {
  return { resource, request: { ...request, method: 'PUT', url } };
}

export function ask(method: 'GET' | 'HEAD' | 'DELETE', url: string): Entry {
  return { request: { method, url } };
}

export function submit(world: World, body: Resource, prefer = 'return=representation'): Promise<Answer> {
  return world.send('POST', '', { body, headers: { prefer } });
}

/** The entries of a successful answer, as many as were sent. */
export function entriesOf(answer: Answer, type: string, count: number): Resource[] {
  status(answer, 200);
  same(answer.json?.resourceType, 'Bundle', 'resourceType of the answer');
  same(answer.json.type, type, 'Bundle.type of the answer');
  same(answer.json.entry?.length ?? 0, count, 'number of entries of the answer');
  return answer.json.entry ?? [];
}

/** The response status of an entry is one of these. */
export function entryStatus(entry: Resource | undefined, ...allowed: number[]): void {
  const text = String(entry?.['response']?.status ?? '');
  const code = Number(text.slice(0, 3));
  check(
    allowed.includes(code),
    `entry.response.status is '${text}', expected ${allowed.join(' or ')}: ${JSON.stringify(entry?.['response'])}`,
  );
}

/** The `Type/id` in entry.response.location. */
export function locatedAt(entry: Resource | undefined): string {
  const location = String(entry?.['response']?.location ?? '');
  const found = /([A-Z][A-Za-z]+\/[A-Za-z0-9\-.]{1,64})(\/_history\/[^/]+)?$/.exec(location);
  check(found?.[1] !== undefined, `entry.response.location '${location}' names no resource`);
  return found[1];
}

/** How many current resources of a type carry the identifier. */
export async function countOf(world: World, type: string, token: string): Promise<number> {
  const answer = await world.get(`${type}?identifier=${token}`);
  status(answer, 200);
  const entries: Resource[] = answer.json.entry ?? [];
  return entries.filter((entry) => entry['resource']?.resourceType === type).length;
}
