/**
 * An interface of an analyzer that speaks ASTM as a FHIR Endpoint: connectionType `astm`, and the extension below
 * (profiles/astm-interface.json). Pure. https://hl7.org/fhir/R4/endpoint.html
 *
 * Its address says where the analyzer is (src/astm/address.ts).
 *
 * On a shared port the addresses that may connect, and what H.5 says, tell whose a message is.
 */
import { placeOf, type Transport } from '../../astm/address.ts';
import type { JsonObject } from '../../fhir/json.ts';
import { lawOf, lawParts, type Law } from '../hl7v2/law/settings.ts';
import type { Part } from '../hl7v2/outbound-settings.ts';
import type { Registered } from '../interfaces.ts';

export const astmExtension = 'https://makhbar.org/fhir/StructureDefinition/astm-interface';
export const astmConnection = { system: 'https://makhbar.org/fhir/CodeSystem/connection-type', code: 'astm' };

export interface AstmInterface extends Registered {
  readonly address: string;
  readonly transport: Transport;
  /** Addresses and networks that may connect. */
  readonly allowed: readonly string[];
  /** What H.5 must begin with; '' for anything. */
  readonly sender: string;
  /** Name of its driver (drivers/). */
  readonly driver: string;
  /** Where its bytes are no UTF-8; undefined: what its driver says. */
  readonly charset: string | undefined;
  /** IANA zone for times; undefined: the laboratory's. */
  readonly zone: string | undefined;
  /** Characters of a frame that we send; undefined: what its driver says. */
  readonly frame: number | undefined;
  /** Whether a specimen that is not known makes one, with its patient (P, O.3). */
  readonly createsPatients: boolean;
  /** The tests that it does. */
  readonly law: Law;
}

/** Undefined for an Endpoint that is no active ASTM interface. */
export function readAstmInterface(endpoint: JsonObject): AstmInterface | undefined {
  const { id, name, status, connectionType, address, extension } = endpoint as {
    id?: string;
    name?: string;
    status?: string;
    connectionType?: { code?: string };
    address?: string;
    extension?: Part[];
  };
  const place = placeOf(address ?? '');
  if (connectionType?.code !== astmConnection.code || status !== 'active') return undefined;
  if (id === undefined || place === undefined) return undefined;
  const parts = extension?.find(({ url }) => url === astmExtension)?.extension ?? [];
  const all = (wanted: string): string[] =>
    parts.flatMap(({ url, valueString }) => (url === wanted && valueString !== undefined ? [valueString] : []));
  const { law } = lawOf([...parts, { url: 'profile', valueString: 'law' }, { url: 'to', valueString: address ?? '' }]);
  return {
    id,
    name: name ?? id,
    address: address ?? '',
    ...place,
    allowed: all('allowed'),
    sender: all('sender')[0] ?? '',
    driver: all('driver')[0] ?? 'generic',
    charset: all('charset')[0],
    zone: all('zone')[0],
    frame: Number(all('frame')[0]) || undefined,
    createsPatients: parts.some(({ url, valueBoolean }) => url === 'createsPatients' && valueBoolean === true),
    conceptMaps: parts.flatMap(({ url, valueCanonical }) => (url === 'conceptMap' ? (valueCanonical ?? []) : [])),
    law: law ?? { tests: [], broadcast: false, sameConnection: true, device: undefined },
  };
}

/**
 * Those of several interfaces of one line that a message may be for: those that name its sender before those that take any;
 * undefined where there is none, or two that might be meant equally.
 */
export function interfaceOf<Candidate extends { readonly interface: AstmInterface }>(
  candidates: readonly Candidate[],
  sender: string,
): Candidate | undefined {
  const taking = candidates.filter(({ interface: own }) => sender.startsWith(own.sender));
  const longest = Math.max(...taking.map(({ interface: own }) => own.sender.length));
  const [first, ...others] = taking.filter(({ interface: own }) => own.sender.length === longest);
  return others.length === 0 ? first : undefined;
}

/** An Endpoint of these settings. */
export function astmEndpoint(settings: {
  readonly name: string;
  readonly address: string;
  readonly allowed: readonly string[];
  readonly sender?: string | undefined;
  readonly driver?: string | undefined;
  readonly charset?: string | undefined;
  readonly zone?: string | undefined;
  readonly frame?: number | undefined;
  readonly createsPatients?: boolean | undefined;
  readonly conceptMaps?: readonly string[] | undefined;
  readonly law?: Partial<Law> | undefined;
}): JsonObject {
  const { name, address, allowed, conceptMaps = [], law, createsPatients, ...single } = settings;
  const text = (url: string, value: string | number | undefined): JsonObject[] =>
    value === undefined ? [] : [{ url, valueString: String(value) }];
  const parts = [
    ...allowed.map((value) => ({ url: 'allowed', valueString: value })),
    ...(['sender', 'driver', 'charset', 'zone', 'frame'] as const).flatMap((url) => text(url, single[url])),
    ...(createsPatients === true ? [{ url: 'createsPatients', valueBoolean: true }] : []),
    ...conceptMaps.map((value) => ({ url: 'conceptMap', valueCanonical: value })),
    ...(law === undefined
      ? []
      : lawParts(law).filter(({ url }) => ['test', 'device', 'workOrders'].includes(String(url)))),
  ];
  return {
    resourceType: 'Endpoint',
    extension: [{ url: astmExtension, extension: parts }],
    status: 'active',
    connectionType: astmConnection,
    name,
    payloadType: [{ text: 'LIS02-A2' }],
    address,
  };
}
