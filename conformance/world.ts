/**
 * What a case works with: the client, what the server claims, and data that belongs to this run alone.
 *
 * 1. Every resource of a run carries an identifier of the run's own system, so that a run sees only its own data.
 * 2. Every resource that a run has made is remembered when the answer names it, and deleted at the end.
 */
import { randomUUID } from 'node:crypto';
import type { Answer, Ask, Client } from './client.ts';
import { check, status } from './checks.ts';

/** A FHIR resource as the server sent it. */
// oxlint-disable-next-line typescript/no-explicit-any
export type Resource = { resourceType: string; [member: string]: any };

export interface World {
  client: Client;
  capability: Resource;
  /** Identifier system of this run. */
  system: string;
  /** A value that nothing else in this run has. */
  unique: () => string;
  send: (method: string, path: string, ask?: Ask) => Promise<Answer>;
  get: (path: string, headers?: Record<string, string>) => Promise<Answer>;
  /** Creates and returns the resource as the server holds it. */
  create: (resource: Resource) => Promise<Resource>;
  cleanUp: () => Promise<number>;
}

export async function openWorld(client: Client): Promise<World> {
  const made = new Set<string>();
  const send = async (method: string, path: string, ask?: Ask): Promise<Answer> => {
    const answer = await client.send(method, path, ask);
    remember(client, made, answer);
    return answer;
  };
  const metadata = await send('GET', 'metadata');
  status(metadata, 200);
  check(metadata.json?.resourceType === 'CapabilityStatement', `${metadata.url} gives no CapabilityStatement.`);
  return {
    client,
    capability: metadata.json,
    system: `urn:uuid:${randomUUID()}`,
    unique: () => randomUUID(),
    send,
    get: (path, headers = {}) => send('GET', path, { headers }),
    create: (resource) => create(send, resource),
    cleanUp: () => cleanUp(client, made),
  };
}

async function create(send: World['send'], resource: Resource): Promise<Resource> {
  const headers = { prefer: 'return=representation' };
  const answer = await send('POST', resource.resourceType, { headers, body: resource });
  status(answer, 201);
  if (answer.json?.resourceType === resource.resourceType) {
    return answer.json;
  }
  const read = await send('GET', answer.headers.get('location') ?? '');
  status(read, 200);
  return read.json;
}

function remember(client: Client, made: Set<string>, answer: Answer): void {
  const entries: Resource[] = Array.isArray(answer.json?.entry) ? answer.json.entry : [];
  const located = entries.filter((entry) => entry['response']?.location).map((entry) => entry['response'].location);
  const own = answer.status === 201 ? [answer.headers.get('location') ?? answer.url] : [];
  for (const location of [...own, ...located]) {
    const name = /([A-Z][A-Za-z]+\/[A-Za-z0-9\-.]{1,64})(\/_history\/[^/]+)?$/.exec(
      String(location).replace(client.base, ''),
    );
    if (name?.[1] !== undefined) {
      made.add(name[1]);
    }
  }
}

/**
 * Deletes what the run made, newest first, because later resources point to earlier ones; what points to each other
 * goes in one transaction. Returns how many remained.
 */
async function cleanUp(client: Client, made: Set<string>): Promise<number> {
  const left: string[] = [];
  for (const name of [...made].toReversed()) {
    const answer = await client.send('DELETE', name).catch(() => undefined);
    if (answer === undefined || ![200, 202, 204, 404, 410].includes(answer.status)) {
      left.push(name);
    }
  }
  if (left.length === 0) {
    return 0;
  }
  const entry = left.map((url) => ({ request: { method: 'DELETE', url } }));
  const body = { resourceType: 'Bundle', type: 'transaction', entry };
  const answer = await client.send('POST', '', { body }).catch(() => undefined);
  return answer?.status === 200 ? 0 : left.length;
}
