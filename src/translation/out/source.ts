/** What a message is made of: a version of a resource, what it refers to, and what the interface says. Pure data. */
import type { JsonObject } from '../../fhir/json.ts';
import type { OutgoingVersion } from '../../hl7v2/outgoing.ts';

export interface Source {
  /** The version that the message tells. */
  readonly root: JsonObject;
  /** Whether it is the first. */
  readonly created: boolean;
  /** Of a patient: the visit that he is on. */
  readonly visit?: JsonObject | undefined;
  /** It was deleted, or entered in error: the message takes back what was told. */
  readonly withdrawn?: boolean;
  /** What a reference leads to, as far as the interface may see it. */
  readonly find: (reference: JsonObject | undefined) => JsonObject | undefined;
}

export interface Writing {
  readonly version: OutgoingVersion;
  /** IANA zone of the laboratory. */
  readonly zone: string;
  /** System of identifiers → assigning authority as the peer names it. */
  readonly authorities: Readonly<Record<string, string>>;
  /** MSH-3 to MSH-6. */
  readonly from: { readonly application: string; readonly facility: string };
  readonly to: { readonly application: string; readonly facility: string };
  /** MSH-15 and MSH-16. */
  readonly acknowledgement: 'original' | 'commit' | 'enhanced';
  /** MSH-18, as table 0211 names it; '' for ASCII. */
  readonly charset: string;
  /** MSH-7: an instant. */
  readonly now: string;
  /** MSH-10. */
  readonly controlId: string;
}

/** Whether the version is at least this one. */
export function since(version: OutgoingVersion, least: string): boolean {
  const [a = [], b = []] = [version, least].map((one) => one.split('.').map(Number));
  for (let i = 0; i < 3; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}

/** Elements of a resource as lists of objects. */
export function list(value: unknown): JsonObject[] {
  return (Array.isArray(value) ? value : value === undefined || value === null ? [] : [value]) as JsonObject[];
}

export function string(value: unknown): string {
  return typeof value === 'string'
    ? value
    : typeof value === 'boolean' || typeof value === 'number'
      ? String(value)
      : '';
}

export function member(value: unknown, ...names: readonly string[]): JsonObject | undefined {
  let current: unknown = value;
  for (const name of names) current = (current as JsonObject | undefined)?.[name];
  return current as JsonObject | undefined;
}
