/**
 * The table of technical and organisational measures (GDPR Art. 32): each is read from facts of the running system. What the
 * server cannot see is `unknown`, and never on. Pure.
 */
import type { Guards, LogState, Stored } from '../store/processing.ts';

export type MeasureState = 'on' | 'off' | 'unknown';

export interface Facts {
  readonly now: number;
  readonly guards: Guards;
  readonly log: LogState;
  readonly stored: Stored;
  /** Served here; said to be in front of it; neither. */
  readonly tls: 'served' | 'declared' | 'none';
  /** Roles that demand a second factor, and active accounts with one of them, with and without. */
  readonly factorRoles: readonly string[];
  readonly factorAccounts: { readonly with: number; readonly without: number };
  readonly passwordLength: number;
  readonly accessTokenMinutes: number;
  readonly consentDefault: 'permit' | 'deny';
  readonly dynamicRegistration: boolean;
  readonly rateLimit: number;
  /** Copies of the audit log that go to other systems. */
  readonly feeds: number;
  /** FHIR instant of the last run of retention that was carried out. */
  readonly retained: string | undefined;
  readonly holds: number;
}

export interface Found {
  readonly state: MeasureState;
  /** Numbers, names and times, as they were read. */
  readonly detail?: string;
}

/** Milliseconds for which an event may be without a seal; they come every two seconds. */
const sealLate = 120_000;

function when(on: boolean, detail?: string): Found {
  return { state: on ? 'on' : 'off', ...(detail !== undefined && { detail }) };
}

const unknown: Found = { state: 'unknown' };

export const measures = {
  isolation: ({ guards: { tables, guarded, bound } }) =>
    when(bound && tables > 0 && guarded === tables, `${guarded}/${tables}`),
  'file-encryption': ({ stored: { keys, files } }) =>
    keys === 0 && files === 0 ? unknown : when(keys > 0, `${files}`),
  tls: ({ tls }) => (tls === 'declared' ? { ...unknown, detail: 'PUBLIC_URL' } : when(tls === 'served')),
  'database-connection': ({ guards }) => when(guards.encrypted),
  'second-factor': ({ factorRoles }) => when(factorRoles.length > 0, factorRoles.join(', ') || undefined),
  'second-factor-enrolled': ({ factorAccounts: { with: enrolled, without } }) =>
    enrolled + without === 0 ? unknown : when(without === 0, `${enrolled}/${enrolled + without}`),
  'password-length': ({ passwordLength }) => when(passwordLength > 0, `${passwordLength}`),
  'short-tokens': ({ accessTokenMinutes }) => when(accessTokenMinutes <= 15, `${accessTokenMinutes}`),
  'consent-first': ({ consentDefault }) => when(consentDefault === 'deny', consentDefault),
  'registered-applications': ({ dynamicRegistration }) => when(!dynamicRegistration),
  'rate-limit': ({ rateLimit }) => when(rateLimit > 0, rateLimit > 0 ? `${rateLimit}` : undefined),
  'log-append-only': ({ guards }) => when(!guards.logChangeable),
  'log-sealed': ({ now, log: { sealed, oldestOpen } }) =>
    when(sealed !== undefined && (oldestOpen === undefined || now - Date.parse(oldestOpen) < sealLate), sealed),
  'log-copies': ({ feeds }) => when(feeds > 0, `${feeds}`),
  retention: ({ retained }) => when(retained !== undefined, retained),
  'legal-holds': ({ holds }) => when(holds > 0, `${holds}`),
  restrictions: ({ stored }) => when(stored.restrictions > 0, `${stored.restrictions}`),
  backups: () => unknown,
  'database-encryption': () => unknown,
  premises: () => unknown,
  training: () => unknown,
} as const satisfies Record<string, (facts: Facts) => Found>;

export type MeasureName = keyof typeof measures;

export interface Measure extends Found {
  readonly name: MeasureName;
}

export function measuresOf(facts: Facts): Measure[] {
  return Object.entries(measures).map(([name, read]) => ({ name: name as MeasureName, ...read(facts) }));
}

/** What is in force only when it is needed: that there is none is no risk. */
const occasional: ReadonlySet<MeasureName> = new Set<MeasureName>(['legal-holds', 'restrictions']);

/** The measures that a risk assessment must begin with. */
export function openMeasures(all: readonly Measure[]): Measure[] {
  return all.filter(({ name, state }) => state !== 'on' && !occasional.has(name));
}
