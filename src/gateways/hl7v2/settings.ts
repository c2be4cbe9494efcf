/**
 * An HL7 v2 interface as a FHIR Endpoint: connectionType `hl7v2-mllp`, address `mllp://…`, and the extension below
 * (profiles/hl7v2-interface.json). Pure. https://hl7.org/fhir/R4/endpoint.html
 *
 * `mllp://localhost` without a port is the gateway's own port (HL7_PORT), which interfaces of all laboratories share; the
 * addresses that may connect and MSH-3 to MSH-6 tell whose a message is.
 */
import type { X509Certificate } from 'node:crypto';
import { BlockList, isIP } from 'node:net';
import type { JsonObject } from '../../fhir/json.ts';
import type { Header } from '../../hl7v2/header.ts';
import { isIssuedBy, readAuthorities } from './authority.ts';
import { lawOf, lawParts, type Law } from './law/settings.ts';
import { outboundParts, readOutbound, type Outbound, type OutboundGiven, type Part } from './outbound-settings.ts';

export const interfaceExtension = 'https://makhbar.org/fhir/StructureDefinition/hl7v2-interface';
export const connectionTypes = 'http://terminology.hl7.org/CodeSystem/endpoint-connection-type';

export interface Interface {
  /** Id of the Endpoint. */
  readonly id: string;
  readonly name: string;
  /** 0 for the port that all share. */
  readonly port: number;
  /** Addresses and networks that may connect. */
  readonly allowed: readonly string[];
  /** What MSH-3, MSH-4 must say; '' for anything. */
  readonly application: string;
  readonly facility: string;
  /** Where MSH-18 says nothing. */
  readonly charset: string;
  /** IANA zone for times without one; undefined: the laboratory's. */
  readonly zone: string | undefined;
  /** Types of messages (`DFT^P03`, `VXU^*`) that are kept and acknowledged and not translated. */
  readonly storeOnly: readonly string[];
  /** Assigning authority → system of identifiers. */
  readonly systems: Readonly<Record<string, string>>;
  /** `url` of the ConceptMaps for its local codes. */
  readonly conceptMaps: readonly string[];
  /** `mllps://`: TLS with the certificate of the server. */
  readonly secure: boolean;
  /** SHA-256 fingerprints of the certificates of which a peer must show one; none for any peer. */
  readonly clientCertificates: readonly string[];
  /** PEM: who may have issued the certificate of a peer, besides those that are named. */
  readonly clientAuthorities: readonly string[];
  /** Where messages go; undefined where none do. */
  readonly out?: Outbound;
  /** Of an analyzer that speaks IHE LAW. */
  readonly law?: Law;
  /** Whether it is told who is a patient (QBP^Q21, Q22, Q23). */
  readonly patientQueries?: true;
  /** Whether orders are answered one by one (ORL). */
  readonly orderAnswers?: true;
  /** What the peer cannot bear (src/hl7v2/quirks.ts). */
  readonly quirks: readonly string[];
}

/** Undefined for an Endpoint that is no active HL7 v2 interface for messages that come in. */
export function readInterface(endpoint: JsonObject): Interface | undefined {
  const { id, name, status, connectionType, address, extension } = endpoint as {
    id?: string;
    name?: string;
    status?: string;
    connectionType?: { code?: string };
    address?: string;
    extension?: Part[];
  };
  if (connectionType?.code !== 'hl7v2-mllp' || status !== 'active' || id === undefined) return undefined;
  const parts = extension?.find(({ url }) => url === interfaceExtension)?.extension;
  if (parts === undefined) return undefined;
  const all = (wanted: string): string[] =>
    parts.flatMap(({ url, valueString, valueCode }) => (url === wanted ? (valueString ?? valueCode ?? []) : []));
  const systems = parts.filter(({ url }) => url === 'system').map(systemOf);
  const out = readOutbound(parts);
  return {
    id,
    name: name ?? id,
    port: portOf(address ?? ''),
    allowed: all('allowed'),
    application: all('application')[0] ?? '',
    facility: all('facility')[0] ?? '',
    charset: all('charset')[0] ?? 'utf-8',
    zone: all('zone')[0],
    storeOnly: all('storeOnly'),
    quirks: all('quirk'),
    systems: Object.fromEntries(systems),
    secure: /^mllps:/.test(address ?? ''),
    clientCertificates: all('clientCertificate').map(fingerprint),
    clientAuthorities: all('clientAuthority'),
    conceptMaps: parts.flatMap(({ url, valueCanonical }) => (url === 'conceptMap' ? (valueCanonical ?? []) : [])),
    ...(out !== undefined && { out }),
    ...lawOf(parts),
    ...(isSet(parts, 'patientQueries') && { patientQueries: true as const }),
    ...(isSet(parts, 'orderAnswers') && { orderAnswers: true as const }),
  };
}

function isSet(parts: readonly Part[], wanted: string): boolean {
  return parts.some(({ url, valueBoolean }) => url === wanted && valueBoolean === true);
}

function systemOf({ extension = [] }: Part): [string, string] {
  const part = (wanted: string): Part | undefined => extension.find(({ url }) => url === wanted);
  return [part('authority')?.valueString ?? '', part('uri')?.valueUri ?? ''];
}

/** In capitals and without colons, as nobody writes it the same. */
export function fingerprint(written: string): string {
  return written.replaceAll(/[:\s]/g, '').toUpperCase();
}

/** Whether a peer shows a certificate as it is asked for; any peer is good where none is asked for. */
export function vouches(
  { clientCertificates, clientAuthorities }: Pick<Interface, 'clientCertificates' | 'clientAuthorities'>,
  shown: X509Certificate | undefined,
): boolean {
  if (clientCertificates.length + clientAuthorities.length === 0) return true;
  if (shown === undefined) return false;
  return (
    clientCertificates.includes(fingerprint(shown.fingerprint256)) ||
    isIssuedBy(shown, readAuthorities(clientAuthorities))
  );
}

function portOf(address: string): number {
  return Number(/^mllps?:\/\/(?:\[[^\]]*\]|[^:/]*):(\d{1,5})/.exec(address)?.[1] ?? 0);
}

/** Nobody may connect to an interface that names nobody. */
export function allows({ allowed }: Pick<Interface, 'allowed'>, address: string): boolean {
  const plain = address.replace(/^::ffff:/i, '');
  const family = isIP(plain) === 6 ? 'ipv6' : 'ipv4';
  const list = new BlockList();
  for (const entry of allowed) {
    const [host = '', bits] = (entry === 'loopback' ? '127.0.0.0/8' : entry).split('/');
    const type = isIP(host) === 6 ? 'ipv6' : isIP(host) === 4 ? 'ipv4' : undefined;
    if (entry === 'loopback') list.addAddress('::1', 'ipv6');
    if (type !== undefined && bits === undefined) list.addAddress(host, type);
    else if (type !== undefined && isPrefix(bits ?? '', type)) list.addSubnet(host, Number(bits), type);
  }
  return isIP(plain) !== 0 && list.check(plain, family);
}

export function isPrefix(bits: string, type: 'ipv4' | 'ipv6'): boolean {
  return /^\d{1,3}$/.test(bits) && Number(bits) <= (type === 'ipv4' ? 32 : 128);
}

/**
 * The one of several interfaces that a message is for: one that names its application and facility before one that names
 * one of them, before one that takes anything; undefined where there is none, or two that might be meant equally.
 */
export function interfaceFor<Candidate extends { readonly interface: Interface }>(
  candidates: readonly Candidate[],
  header: Pick<Header, 'application' | 'facility'>,
): Candidate | undefined {
  const taking = candidates.filter(
    ({ interface: { application, facility } }) =>
      (application === '' || application === header.application) && (facility === '' || facility === header.facility),
  );
  const named = ({ interface: { application, facility } }: Candidate): number =>
    Number(application !== '') + Number(facility !== '');
  const most = Math.max(...taking.map(named));
  const [first, ...others] = taking.filter((one) => named(one) === most);
  return others.length === 0 ? first : undefined;
}

export function isStoredOnly({ storeOnly }: Interface, { code, event }: Pick<Header, 'code' | 'event'>): boolean {
  return storeOnly.some((type) => type === `${code}^${event}` || type === `${code}^*` || type === '*');
}

/** An Endpoint of these settings. */
export function interfaceEndpoint(settings: {
  readonly name: string;
  readonly address: string;
  readonly allowed: readonly string[];
  readonly application?: string;
  readonly facility?: string;
  readonly charset?: string;
  readonly zone?: string;
  readonly storeOnly?: readonly string[];
  readonly conceptMaps?: readonly string[];
  readonly clientCertificates?: readonly string[];
  /** PEM. */
  readonly clientAuthorities?: readonly string[];
  /** Assigning authority → system of identifiers. */
  readonly systems?: Readonly<Record<string, string>>;
  readonly out?: OutboundGiven;
  readonly law?: Partial<Law>;
  readonly patientQueries?: boolean;
  readonly orderAnswers?: boolean;
  readonly quirks?: readonly string[];
}): JsonObject {
  const { name, address, allowed, storeOnly = [], conceptMaps = [], clientCertificates = [], ...single } = settings;
  const { systems = {}, clientAuthorities = [], out, law, quirks = [] } = single;
  const parts = [
    ...allowed.map((value) => ({ url: 'allowed', valueString: value })),
    ...(['application', 'facility', 'charset', 'zone'] as const).flatMap((url) =>
      single[url] === undefined ? [] : [{ url, valueString: single[url] }],
    ),
    ...storeOnly.map((value) => ({ url: 'storeOnly', valueString: value })),
    ...quirks.map((value) => ({ url: 'quirk', valueString: value })),
    ...clientCertificates.map((value) => ({ url: 'clientCertificate', valueString: value })),
    ...clientAuthorities.map((value) => ({ url: 'clientAuthority', valueString: value })),
    ...conceptMaps.map((value) => ({ url: 'conceptMap', valueCanonical: value })),
    ...Object.entries(systems).map(([authority, uri]) => ({
      url: 'system',
      extension: [
        { url: 'authority', valueString: authority },
        { url: 'uri', valueUri: uri },
      ],
    })),
    ...(out === undefined ? [] : outboundParts(out)),
    ...(law === undefined ? [] : lawParts(law)),
    ...(['patientQueries', 'orderAnswers'] as const).flatMap((url) =>
      single[url] === true ? [{ url, valueBoolean: true }] : [],
    ),
  ];
  return {
    resourceType: 'Endpoint',
    extension: [{ url: interfaceExtension, extension: parts }],
    status: 'active',
    connectionType: { system: connectionTypes, code: 'hl7v2-mllp' },
    name,
    payloadType: [{ text: 'HL7 v2' }],
    address,
  };
}
