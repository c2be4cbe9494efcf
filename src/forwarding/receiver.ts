/** What takes events: an audit record repository by FHIR (fhir-receiver.ts) or by syslog (syslog-receiver.ts). */
import type { JsonObject } from '../fhir/json.ts';
import { isInternalLiteral, publicLookup } from './public-address.ts';
import type { LookupFunction } from 'node:net';

/** An event as it goes out. */
export interface Outgoing {
  readonly id: string;
  readonly resource: JsonObject;
}

/** How many of the events, from the first on, were taken; and why not all. */
export interface Taken {
  readonly count: number;
  readonly refusal?: string;
}

export interface Receiver {
  /** @throws NotTaken, or what the network says, where none was taken for sure. */
  deliver(events: readonly Outgoing[], signal: AbortSignal): Promise<Taken>;
  close(): void;
}

/** What a connection needs to know. */
export interface Destination {
  readonly address: string;
  readonly internal: boolean;
  readonly authority?: string;
  readonly certificate?: string;
  readonly key?: string;
  readonly token?: string;
  readonly batch: number;
}

/** A receiver that said no, or nothing that can be understood; the sentence holds nothing of what it said. */
export class NotTaken extends Error {}

/** TLS 1.2 or later, the certificate of the receiver checked, by the given authority or by those that Node knows. */
export function tlsOptions({ authority, certificate, key, internal }: Destination): {
  minVersion: 'TLSv1.2';
  rejectUnauthorized: true;
  ca?: string;
  cert?: string;
  key?: string;
  lookup?: LookupFunction;
} {
  return {
    minVersion: 'TLSv1.2',
    rejectUnauthorized: true,
    ...(authority !== undefined && { ca: authority }),
    ...(certificate !== undefined && { cert: certificate }),
    ...(key !== undefined && { key }),
    ...(!internal && { lookup: publicLookup }),
  };
}

/** @throws NotTaken for an IP address that is not public: a socket does not ask for its name. */
export function checkHost(host: string, { internal }: Destination): void {
  if (!internal && isInternalLiteral(host))
    throw new NotTaken('The address is not public; only the operator may set it.');
}
