/**
 * An Endpoint that is an HL7 v2 interface (profiles/hl7v2-interface.json) says what can be meant: a gateway reads it later,
 * when nobody is there to be told.
 */
import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { outcomeError } from '../fhir/outcome.ts';
import type { JsonObject } from '../fhir/json.ts';
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
  const settings = extension?.find((one) => one.url === interfaceExtension);
  if (connectionType?.code !== 'hl7v2-mllp' || settings === undefined) return;
  if (!isAddress(address)) {
    throw refusal(
      'address',
      'mllp://localhost, or with a port of its own mllp://localhost:2576 or mllps://localhost:2576',
    );
  }
  for (const { url: name = '', valueString: value } of settings.extension ?? []) {
    const [rule, words] = rules[name] ?? [];
    if (rule !== undefined && !rule(value ?? '', address.startsWith('mllps:'))) throw refusal(name, words ?? '');
  }
}

function refusal(part: string, words: string): Error {
  return outcomeError('business-rule', `"${part}" of an HL7 v2 interface must be ${words}.`, {
    expression: part === 'address' ? 'Endpoint.address' : 'Endpoint.extension',
  });
}

/** TLS needs a port of its own. */
function isAddress(address: string): boolean {
  const [, secure, port] = /^mllp(s?):\/\/(?:\[[0-9A-Fa-f:.]+\]|[\w.-]+)(?::(\d{1,5}))?\/?$/.exec(address) ?? [];
  if (secure === undefined) return false;
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
