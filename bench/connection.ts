/**
 * The smallest HTTP/1.1 client that measures fairly: one kept-alive socket, one request at a time, prepared request
 * bytes, bodies counted and dropped. On two cores the load generator competes with what it measures; `fetch` costs
 * about ten times as much per request.
 */
import { connect, type Socket } from 'node:net';

export interface Answered {
  status: number;
  /** Head and body as they began, to say what went wrong. */
  begin: string;
}

export interface Connection {
  send(request: Buffer): Promise<Answered>;
  close(): void;
}

export async function openConnection(host: string, port: number): Promise<Connection> {
  const socket = connect({ host, port, noDelay: true });
  await new Promise<void>((done, fail) => {
    socket.once('connect', done);
    socket.once('error', fail);
  });
  return speak(socket);
}

interface Waiting {
  resolve(answered: Answered): void;
  reject(error: Error): void;
}

function speak(socket: Socket): Connection {
  let waiting: Waiting | undefined;
  let reader = new ResponseReader();
  const settle = (error: Error | undefined): void => {
    const current = waiting;
    waiting = undefined;
    const answered = { status: reader.status, begin: reader.begin };
    reader = new ResponseReader();
    if (error === undefined) {
      current?.resolve(answered);
    } else {
      current?.reject(error);
    }
  };
  socket.on('data', (chunk) => {
    if (reader.take(chunk)) {
      settle(undefined);
    }
  });
  socket.on('error', settle);
  socket.on('close', () => settle(new Error('The server closed the connection.')));
  return {
    send: (request) =>
      new Promise((resolve, reject) => {
        waiting = { resolve, reject };
        socket.write(request);
      }),
    close: () => socket.destroy(),
  };
}

/** Reads one response; `take` is true when it is complete. */
class ResponseReader {
  status = 0;
  begin = '';
  #head = '';
  #left = -1;
  #chunked = false;
  #tail = '';

  take(chunk: Buffer): boolean {
    if (this.#left >= 0 || this.#chunked) {
      return this.#body(chunk);
    }
    this.#head += chunk.toString('latin1');
    const end = this.#head.indexOf('\r\n\r\n');
    if (end < 0) {
      return false;
    }
    const head = this.#head.slice(0, end);
    this.status = Number(head.slice(9, 12));
    this.begin = this.#head.slice(0, 2_000);
    this.#chunked = /^transfer-encoding: *chunked/im.test(head);
    this.#left = this.#chunked || this.status === 204 || this.status === 304 ? 0 : lengthOf(head);
    return this.#body(Buffer.from(this.#head.slice(end + 4), 'latin1'));
  }

  #body(chunk: Buffer): boolean {
    if (!this.#chunked) {
      this.#left -= chunk.length;
      return this.#left <= 0;
    }
    this.#tail = (this.#tail + chunk.subarray(-7).toString('latin1')).slice(-7);
    return this.#tail.endsWith('\r\n0\r\n\r\n') || this.#tail === '0\r\n\r\n';
  }
}

function lengthOf(head: string): number {
  return Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
}

/** The bytes of a request. */
export function requestBytes(
  { method, path, token }: { method: string; path: string; token?: string },
  body?: string,
): Buffer {
  const lines = [
    `${method} ${path} HTTP/1.1`,
    'host: localhost',
    'accept: application/fhir+json',
    ...(token === undefined ? [] : [`authorization: Bearer ${token}`]),
    ...(body === undefined
      ? []
      : ['content-type: application/fhir+json', `content-length: ${Buffer.byteLength(body)}`]),
  ];
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body ?? ''}`);
}
