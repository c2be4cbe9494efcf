/**
 * Tries the line of an analyzer out. LIS01-A2, 8.2: an analyzer that is asked (ENQ) answers ACK, or NAK while it is busy; EOT
 * ends what was begun without a message.
 */
import { once } from 'node:events';
import { access, constants, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { listOf } from '../../publishing/allowed-address.ts';
import type { Server } from '../../request.ts';
import { connected, NoAnswer } from '../connect.ts';
import { isOpen, type Open } from '../hl7v2/tried.ts';
import type { ServedAstm } from './gateway.ts';

const [enquiry, end] = [Buffer.from([0x05]), Buffer.from([0x04])];
const answers: Readonly<Record<number, string>> = { 0x05: 'ENQ', 0x06: 'ACK', 0x15: 'NAK' };
/** Milliseconds: the timer of the standard for the answer to ENQ. */
const patience = 15_000;

export type TriedLine =
  | ({ readonly kind: 'listen'; readonly port: number; readonly secure: boolean } & Open)
  /** ACK; NAK: it is busy; ENQ: it has something to send itself. */
  | { readonly kind: 'connect'; readonly answer?: string; readonly failure?: string; readonly milliseconds: number }
  | { readonly kind: 'serial'; readonly path: string; readonly failure?: string }
  | { readonly kind: 'folder'; readonly path: string; readonly waiting: number; readonly failure?: string };

/** Whether it is as it should be. */
export function isFine(tried: TriedLine): boolean {
  return tried.kind === 'listen' ? tried.open : tried.failure === undefined;
}

export async function tryLine(config: Server['config'], { tenant, interface: own }: ServedAstm): Promise<TriedLine> {
  const { transport, address, secure } = own;
  switch (transport.kind) {
    case 'listen': {
      const port = own.port === 0 ? config.astmPort : own.port;
      return { kind: 'listen', port, secure, ...(await isOpen(config.host, port, secure)) };
    }
    case 'connect':
      return { kind: 'connect', ...(await asked(address, config)) };
    case 'serial': {
      const { path } = transport.line;
      const isAllowed = config.serialLines.includes(`${tenant.name}:${path}`);
      const failure = isAllowed
        ? await unusable(path)
        : 'The operator has not allowed this serial line (SERIAL_LINES).';
      return { kind: 'serial', path, ...(failure !== undefined && { failure }) };
    }
    case 'folder':
      return inFolder(join(config.dataDir, 'drop', tenant.name, transport.name));
  }
}

interface Asked {
  readonly answer?: string;
  readonly failure?: string;
  readonly milliseconds: number;
}

async function asked(address: string, config: Server['config']): Promise<Asked> {
  const begun = performance.now();
  const passed = (): number => Math.round(performance.now() - begun);
  try {
    const socket = await connected({ address, allowed: listOf(config.interfaceNetworks) });
    try {
      socket.write(enquiry);
      const signal = AbortSignal.timeout(patience);
      const [first] = await Promise.race([once(socket, 'data', { signal }), once(socket, 'close', { signal })]);
      if (!Buffer.isBuffer(first)) throw new NoAnswer('It closes the connection instead of answering ENQ.');
      socket.end(end);
      const answer = answers[first[0] ?? 0];
      if (answer !== undefined) return { answer, milliseconds: passed() };
      return { failure: 'It answers ENQ with something else than ACK or NAK.', milliseconds: passed() };
    } finally {
      socket.destroySoon();
    }
  } catch (error) {
    const failure = error instanceof NoAnswer ? error.message : 'It takes the connection and does not answer ENQ.';
    return { failure, milliseconds: passed() };
  }
}

/** The line itself may be held by the server that runs: it is not opened. */
async function unusable(path: string): Promise<string | undefined> {
  return access(path, constants.R_OK | constants.W_OK).then(
    () => undefined,
    () => 'There is no such line, or the server may not use it.',
  );
}

async function inFolder(path: string): Promise<TriedLine> {
  try {
    const waiting = (await readdir(path, { withFileTypes: true })).filter((entry) => entry.isFile()).length;
    return { kind: 'folder', path, waiting };
  } catch {
    return { kind: 'folder', path, waiting: 0, failure: 'The folder is not there; the server that runs makes it.' };
  }
}
