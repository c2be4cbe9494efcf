/**
 * Where an analyzer is, as the address of an Endpoint. Pure.
 *
 *   astm://localhost            the gateway's own port (ASTM_PORT), which interfaces of all laboratories share; the address
 *                               of the analyzer tells whose it is
 *   astm://localhost:4001       a port of its own; astms:// with TLS
 *   tcp://192.0.2.7:4001        the analyzer listens, and the server connects
 *   serial:///dev/ttyUSB0?…     a serial line (serial-address.ts)
 *   file:incoming               a folder below DATA_DIR/drop/{laboratory}/ (drop.ts)
 */
import { serialAddress, type SerialSettings } from './serial-address.ts';

export type Transport =
  | { readonly kind: 'listen' }
  | { readonly kind: 'connect'; readonly host: string; readonly port: number }
  | { readonly kind: 'serial'; readonly line: SerialSettings }
  | { readonly kind: 'folder'; readonly name: string };

export interface Place {
  readonly transport: Transport;
  /** Where the server listens: 0 for the port that all share, -1 where it does not. */
  readonly port: number;
  readonly secure: boolean;
}

/** Undefined for what is no address of an analyzer. */
export function placeOf(address: string): Place | undefined {
  const [, scheme, host = '', port] =
    /^(astms?|tcp|tls):\/\/(\[[0-9A-Fa-f:.]+\]|[\w.-]+)(?::(\d{1,5}))?\/?$/.exec(address) ?? [];
  const number = Number(port ?? 0);
  const secure = scheme === 'astms' || scheme === 'tls';
  if (number > 65_535 || (port !== undefined && number < 1)) return undefined;
  if (scheme === 'astm' || scheme === 'astms') {
    return secure && number === 0 ? undefined : { transport: { kind: 'listen' }, port: number, secure };
  }
  const none = { port: -1, secure };
  if (scheme !== undefined)
    return number === 0 ? undefined : { transport: { kind: 'connect', host, port: number }, ...none };
  const line = serialAddress(address);
  if (line !== undefined) return { transport: { kind: 'serial', line }, ...none };
  const [, name] = /^file:([A-Za-z0-9][\w-]{0,63})$/.exec(address) ?? [];
  return name === undefined ? undefined : { transport: { kind: 'folder', name }, ...none };
}
