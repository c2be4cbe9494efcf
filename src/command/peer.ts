/** Options of `makhbar interface add` for the side that sends: where, what, and the keys of the connection. */
import { thing } from '../audit/security.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { certificateOf, checkOwnCertificate } from '../forwarding/feed-definition.ts';
import type { OutboundGiven } from '../gateways/hl7v2/outbound-settings.ts';
import { keyPlace } from '../gateways/hl7v2/sendings.ts';
import type { Server } from '../request.ts';
import { setPeer } from '../store/outbox.ts';
import { encryptSecret } from '../store/secrets.ts';
import type { Tenant } from '../store/tenants.ts';
import { noting } from './note.ts';
import { contentOf } from './content.ts';

export interface PeerOptions {
  out?: string;
  outTls?: boolean;
  send?: string[];
  hl7Version?: string;
  acknowledgement?: string;
  timeout?: number;
  ownApplication?: string;
  ownFacility?: string;
  toApplication?: string;
  toFacility?: string;
  authority?: string;
  certificate?: string;
  key?: string;
}

/** `name=value`. */
export function pairOf(written: string, option: string): [string, string] {
  const at = written.indexOf('=');
  if (at > 0) return [written.slice(0, at), written.slice(at + 1)];
  throw outcomeError('invalid', `${option} is written name=value, not ${written.slice(0, 80)}.`);
}

/** Undefined where nothing is sent. What is no version, mode or rule, is refused with the Endpoint. */
export function outboundOf(options: PeerOptions): OutboundGiven | undefined {
  const { out, outTls, send = [], hl7Version, acknowledgement, timeout } = options;
  const { ownApplication, ownFacility, toApplication, toFacility } = options;
  if (out === undefined) {
    if (send.length > 0) throw outcomeError('invalid', '--send needs the address to send to: --out host:port.');
    return undefined;
  }
  const given = {
    ownApplication,
    ownFacility,
    toApplication,
    toFacility,
    version: hl7Version,
    acknowledgement,
    timeout,
  };
  return {
    to: `${outTls === true ? 'mllps' : 'mllp'}://${out}`,
    send: send.map((rule) => {
      const [message, criteria] = pairOf(rule, '--send');
      return { message, criteria };
    }),
    ...(Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Partial<OutboundGiven>),
  };
}

/** PEM. */
export interface PeerFiles {
  readonly authority: string | undefined;
  readonly certificate: string | undefined;
  readonly key: string | undefined;
}

export function peerFiles(options: PeerOptions): PeerFiles {
  const [authority, certificate, key] = [options.authority, options.certificate, options.key].map(contentOf);
  if (authority !== undefined) certificateOf('authority', authority);
  checkOwnCertificate(certificate, key);
  return { authority, certificate, key };
}

interface Given {
  /** Of the Endpoint. */
  readonly id: string;
  readonly to: string;
  readonly files: PeerFiles;
}

/** The operator answers for the address, which may lie in a network that is not public; the key is encrypted. */
export async function setPeerOf(server: Server, tenant: Tenant, { id, to, files }: Given): Promise<void> {
  const { authority, certificate, key } = files;
  const secret = key === undefined ? undefined : await encryptSecret(keyPlace(server, tenant.id, id), Buffer.from(key));
  await noting(
    server.database,
    tenant,
    { kind: 'settings-changed', deed: 'makhbar interface add' },
    {
      work: (session) => setPeer(session, id, { operatorAddress: to, authority, certificate, secret }),
      further: () => [thing('setting', `interface ${id}`)],
    },
  );
}
