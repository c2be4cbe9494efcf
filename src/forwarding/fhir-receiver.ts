/**
 * IHE ITI-20, the FHIR Feed: a batch of creates (Send Audit Bundle Request), or one create after the other where the
 * receiver takes no batches (`batch` 1). Redirects are not followed.
 */
import { Agent, request } from 'node:https';
import { serializeJson, type JsonObject } from '../fhir/json.ts';
import {
  checkHost,
  NotTaken,
  tlsOptions,
  type Destination,
  type Outgoing,
  type Receiver,
  type Taken,
} from './receiver.ts';

export function fhirReceiver(destination: Destination): Receiver {
  const agent = new Agent({ keepAlive: true, maxSockets: 1, ...tlsOptions(destination) });
  const place = { destination, agent };
  return {
    deliver: (events, signal) =>
      destination.batch === 1 ? oneByOne(place, events, signal) : together(place, events, signal),
    close: () => agent.destroy(),
  };
}

interface Place {
  readonly destination: Destination;
  readonly agent: Agent;
}

async function oneByOne(place: Place, events: readonly Outgoing[], signal: AbortSignal): Promise<Taken> {
  for (const [count, { resource }] of events.entries()) {
    const { status } = await post(place, '/AuditEvent', resource, signal);
    if (!isTaken(status)) return { count, refusal: `The receiver answered ${status}.` };
  }
  return { count: events.length };
}

async function together(place: Place, events: readonly Outgoing[], signal: AbortSignal): Promise<Taken> {
  const entry = events.map(({ id, resource }) => ({
    fullUrl: `urn:uuid:${id}`,
    resource,
    request: { method: 'POST', url: 'AuditEvent' },
  }));
  const { status, text } = await post(place, '', { resourceType: 'Bundle', type: 'batch', entry }, signal);
  if (!isTaken(status)) throw new NotTaken(`The receiver answered ${status}.`);
  const statuses = statusesOf(text);
  if (statuses?.length !== events.length) {
    throw new NotTaken(`The receiver answered ${status}, but not for each event (a Bundle of type batch-response).`);
  }
  const count = statuses.findIndex((one) => !isTaken(one));
  return count < 0
    ? { count: events.length }
    : { count, refusal: `The receiver answered ${statuses[count]} for an event.` };
}

function isTaken(status: number | undefined): boolean {
  return status !== undefined && status >= 200 && status < 300;
}

function statusesOf(text: string): number[] | undefined {
  try {
    const { entry } = JSON.parse(text) as { entry?: { response?: { status?: unknown } }[] };
    return entry?.map(({ response }) => Number.parseInt(String(response?.status), 10) || 0);
  } catch {
    return undefined;
  }
}

/** Of an answer more is not read. */
const longestAnswer = 1_048_576;

async function post(
  { destination, agent }: Place,
  path: string,
  resource: JsonObject,
  signal: AbortSignal,
): Promise<{ status: number | undefined; text: string }> {
  const url = new URL(destination.address + path);
  checkHost(url.hostname, destination);
  const body = Buffer.from(serializeJson(resource));
  const headers = {
    'content-type': 'application/fhir+json',
    'content-length': body.length,
    accept: 'application/fhir+json',
    prefer: 'return=minimal',
    ...(destination.token !== undefined && { authorization: `Bearer ${destination.token}` }),
  };
  return await new Promise((done, fail) => {
    const sent = request(url, { method: 'POST', agent, headers, signal }, (response) => {
      const parts: Buffer[] = [];
      let length = 0;
      response.on('data', (part: Buffer) => {
        length += part.length;
        if (length > longestAnswer) sent.destroy(new NotTaken('The answer of the receiver is too long.'));
        else parts.push(part);
      });
      response.on('error', fail);
      response.on('end', () => done({ status: response.statusCode, text: Buffer.concat(parts).toString('utf8') }));
      // A connection that ends before the answer does.
      response.on('close', () => fail(new NotTaken('The connection ended before the answer did.')));
    });
    sent.on('error', fail);
    sent.end(body);
  });
}
