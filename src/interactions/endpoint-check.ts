/**
 * An Endpoint that is an interface (profiles/hl7v2-interface.json, astm-interface.json) says what can be meant: a gateway reads it later,
 * when nobody is there to be told.
 */
import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { outcomeError } from '../fhir/outcome.ts';
import type { JsonObject } from '../fhir/json.ts';
import { placeOf } from '../astm/address.ts';
import { charsetNamed } from '../hl7v2/charset.ts';

export const interfaceExtension = 'https://makhbar.org/fhir/StructureDefinition/hl7v2-interface';

interface Part {
  readonly url?: string;
  readonly valueString?: string;
}

/** Characters. */
const longestCertificate = 20_000;

type Rule = (value: string, secure: boolean) => boolean;

/** Part → what it must be, in words. */
const rules: Readonly<Record<string, readonly [Rule, string]>> = {
  allowed: [isNetwork, 'an address, a network as in 192.0.2.0/24, or loopback'],
  zone: [isZone, 'a zone of the IANA database, as in Asia/Aden'],
  charset: [(value) => charsetNamed(value) !== undefined, 'a character set of table 0211, or its usual name'],
  clientAuthority: [isAuthority, 'the certificate of an authority in PEM, on an address mllps://'],
  clientCertificate: [isFingerprint, 'the SHA-256 fingerprint of a certificate, on an address mllps://'],
};

const astmExtension = 'https://makhbar.org/fhir/StructureDefinition/astm-interface';

/** Of an ASTM interface, besides. */
const astmRules: Readonly<Record<string, readonly [Rule, string]>> = {
  ...rules,
  driver: [(value) => /^[a-z0-9-]{1,64}$/.test(value), 'the name of a driver, as in generic'],
  frame: [(value) => /^[1-9]\d{0,4}$/.test(value) && Number(value) <= 64_000, 'characters of a frame, 1 to 64000'],
  device: [(value) => /^Device\/[A-Za-z0-9.-]{1,64}$/.test(value), 'a reference Device/id'],
  workOrders: [(value) => value === 'query' || value === 'broadcast', 'query or broadcast'],
};

/** @throws OutcomeError `business-rule` with the part and the rule. */
export function checkEndpoint(resource: JsonObject): void {
  const {
    connectionType,
    address = '',
    extension,
  } = resource as {
    connectionType?: { code?: string };
    address?: string;
    extension?: readonly { url?: string; extension?: readonly Part[] }[];
  };
  const astm = extension?.find((one) => one.url === astmExtension);
  if (connectionType?.code === 'astm' && astm !== undefined) {
    if (placeOf(address) === undefined) throw refusal('address', analyzerAddresses, 'ASTM');
    checkParts(astm.extension ?? [], { rules: astmRules, secure: address.startsWith('astms:'), protocol: 'ASTM' });
  }
  const settings = extension?.find((one) => one.url === interfaceExtension);
  if (connectionType?.code !== 'hl7v2-mllp' || settings === undefined) return;
  if (!isAddress(address, 'mllp')) throw refusal('address', addresses('mllp', 2576));
  checkParts(settings.extension ?? [], { rules, secure: address.startsWith('mllps:') });
}

interface Checking {
  readonly rules: typeof rules;
  readonly secure: boolean;
  readonly protocol?: string;
}

function checkParts(parts: readonly Part[], { rules: of, secure, protocol }: Checking): void {
  for (const { url: name = '', valueString: value } of parts) {
    const [rule, words] = of[name] ?? [];
    if (rule !== undefined && !rule(value ?? '', secure)) throw refusal(name, words ?? '', protocol);
  }
}

const analyzerAddresses =
  'astm://localhost, astm://localhost:1400 or astms://localhost:1400 where it connects, tcp://host:port or tls://host:port where it listens, serial:///dev/ttyUSB0, or file:folder';

function addresses(scheme: string, port: number): string {
  return `${scheme}://localhost, or with a port of its own ${scheme}://localhost:${port} or ${scheme}s://localhost:${port}`;
}

function refusal(part: string, words: string, protocol = 'HL7 v2'): Error {
  return outcomeError('business-rule', `"${part}" of an ${protocol} interface must be ${words}.`, {
    expression: part === 'address' ? 'Endpoint.address' : 'Endpoint.extension',
  });
}

/** TLS needs a port of its own. */
function isAddress(address: string, scheme: string): boolean {
  const [, found, secure, port] =
    /^(\w+?)(s?):\/\/(?:\[[0-9A-Fa-f:.]+\]|[\w.-]+)(?::(\d{1,5}))?\/?$/.exec(address) ?? [];
  if (found !== scheme) return false;
  return port === undefined ? secure === '' : Number(port) >= 1 && Number(port) <= 65_535;
}

function isNetwork(value: string): boolean {
  if (value === 'loopback') return true;
  const [host = '', bits, ...rest] = value.split('/');
  const family = isIP(host);
  if (family === 0 || rest.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
}

function isZone(value: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: value }).format() !== '';
  } catch {
    return false;
  }
}

function isFingerprint(value: string, secure: boolean): boolean {
  return secure && /^[0-9A-Fa-f]{64}$/.test(value.replaceAll(/[:\s]/g, ''));
}

function isAuthority(value: string, secure: boolean): boolean {
  try {
    return secure && value.length <= longestCertificate && new X509Certificate(value).ca;
  } catch {
    return false;
  }
}
