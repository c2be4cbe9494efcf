/** Audit record repositories for tests: real TLS servers that keep what they are sent, and behave badly on demand. */
import { createServer as createHttps } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { createServer as createTls, type TLSSocket } from 'node:tls';
import { makeAuthority, type Authority } from './certificate.ts';

export interface Received {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly path: string;
  readonly body: Record<string, unknown>;
}

/** What an exchange gets: the statuses of its events, one status for all, or a broken connection. */
export type Behaviour = (events: readonly string[]) => number | readonly number[] | 'drop' | 'hang' | 'redirect';

export interface FhirRepository {
  readonly address: string;
  readonly authority: Authority;
  readonly received: Received[];
  /** Ids of the events that were taken, in their order. */
  readonly taken: string[];
  behave: Behaviour;
  close(): Promise<void>;
}

export async function startFhirRepository(options: { requestCert?: boolean } = {}): Promise<FhirRepository> {
  const authority = makeAuthority();
  const { certificate: cert, key } = authority.certify('repository');
  const tls = { cert, key, ...(options.requestCert === true && { requestCert: true, ca: authority.certificate }) };
  const repository: { -readonly [K in keyof FhirRepository]: FhirRepository[K] } = {
    address: '',
    authority,
    received: [],
    taken: [],
    behave: () => 201,
    close: () => Promise.resolve(),
  };
  const server = createHttps(tls, (request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const body = JSON.parse(Buffer.concat(parts).toString('utf8')) as Received['body'];
      repository.received.push({ headers: request.headers, path: request.url ?? '', body });
      const ids = eventsOf(body).map(({ id }) => id);
      const behaviour = repository.behave(ids);
      if (behaviour === 'hang') return;
      if (behaviour === 'drop') return void request.socket.destroy();
      if (behaviour === 'redirect')
        return void response.writeHead(307, { location: `${repository.address}/else` }).end();
      const statuses = typeof behaviour === 'number' ? ids.map(() => behaviour) : behaviour;
      const whole = typeof behaviour === 'number' && behaviour >= 300;
      if (!whole) ids.forEach((id, i) => (statuses[i] ?? 0) < 300 && repository.taken.push(id));
      response.writeHead(whole ? behaviour : body['resourceType'] === 'Bundle' ? 200 : (statuses[0] ?? 500), {
        'content-type': 'application/fhir+json',
      });
      const entry = statuses.map((status) => ({ response: { status: `${status} as told` } }));
      response.end(
        JSON.stringify(
          whole ? { resourceType: 'OperationOutcome' } : { resourceType: 'Bundle', type: 'batch-response', entry },
        ),
      );
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  repository.address = `https://localhost:${(server.address() as AddressInfo).port}/fhir`;
  repository.close = async () => {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  };
  return repository;
}

export function eventsOf(body: Received['body']): { id: string }[] {
  if (body['resourceType'] === 'AuditEvent') return [body as unknown as { id: string }];
  return ((body['entry'] ?? []) as { resource: { id: string } }[]).map(({ resource }) => resource);
}

export interface SyslogRepository {
  readonly address: string;
  readonly authority: Authority;
  /** Whole messages, without their frames. */
  readonly messages: string[];
  /** The same of each connection that ended well. */
  readonly exchanges: string[][];
  connections: number;
  /** After so many messages of a connection it is cut, in the middle of what follows. */
  cutAfter: number;
  /** Connections that were cut. */
  cuts: number;
  /** Reads nothing until it is false again. */
  slow: boolean;
  /** Never ends its side. */
  stays: boolean;
  /** So many of the next connections end below TLS, when all of them has been read, without close_notify. */
  dies: number;
  /** Those that did. */
  died: number;
  close(): Promise<void>;
}

export async function startSyslogRepository(): Promise<SyslogRepository> {
  const authority = makeAuthority();
  const { certificate: cert, key } = authority.certify('syslog');
  const repository: { -readonly [K in keyof SyslogRepository]: SyslogRepository[K] } = {
    address: '',
    authority,
    messages: [],
    exchanges: [],
    connections: 0,
    cutAfter: Infinity,
    cuts: 0,
    slow: false,
    stays: false,
    dies: 0,
    died: 0,
    close: () => Promise.resolve(),
  };
  const open = new Set<TLSSocket>();
  const server = createTls({ cert, key, allowHalfOpen: true }, (socket) => {
    repository.connections++;
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    socket.on('error', () => undefined);
    if (repository.slow) {
      socket.pause();
      const wait = setInterval(() => {
        if (repository.slow) return;
        clearInterval(wait);
        socket.resume();
      }, 20);
    }
    let rest: Buffer = Buffer.alloc(0);
    let count = 0;
    const exchange: string[] = [];
    let cut = false;
    socket.on('data', (part: Buffer) => {
      rest = Buffer.concat([rest, part]);
      for (let frame = firstFrame(rest); frame !== undefined; frame = firstFrame(rest)) {
        if (count++ >= repository.cutAfter) {
          cut = true;
          repository.cuts++;
          return reset(socket);
        }
        repository.messages.push(frame.message);
        exchange.push(frame.message);
        rest = frame.rest;
      }
    });
    socket.on('end', () => {
      if (repository.stays || cut) return;
      if (repository.died < repository.dies) {
        repository.died++;
        return void (below(socket) ?? socket).destroy();
      }
      repository.exchanges.push(exchange);
      socket.end();
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  repository.address = `tls://localhost:${(server.address() as AddressInfo).port}`;
  repository.close = async () => {
    open.forEach((socket) => socket.destroy());
    await new Promise((done) => server.close(done));
  };
  return repository;
}

function reset(socket: TLSSocket): void {
  const connection = below(socket);
  if (connection === undefined) socket.destroy();
  else connection.resetAndDestroy();
}

function below(socket: TLSSocket): Socket | undefined {
  return (socket as unknown as { _parent?: Socket })._parent;
}

/** RFC 5425: the length in octets, a space, the message. */
function firstFrame(bytes: Buffer): { message: string; rest: Buffer } | undefined {
  const space = bytes.indexOf(0x20);
  if (space < 0) return undefined;
  const digits = bytes.subarray(0, space).toString('ascii');
  if (!/^[1-9]\d*$/.test(digits)) throw new Error(`No length of a frame: ${digits.slice(0, 40)}`);
  const end = space + 1 + Number(digits);
  if (bytes.length < end) return undefined;
  return { message: bytes.subarray(space + 1, end).toString('utf8'), rest: bytes.subarray(end) };
}
