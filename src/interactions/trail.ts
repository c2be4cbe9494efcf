/**
 * What one interaction asks, shows and writes: the material of its AuditEvent (src/audit/record.ts).
 *
 * 1. Handlers note here what they put into their answer; the door (src/serve.ts) makes one event of it, before the answer
 *    leaves.
 * 2. A write stores the event with itself and says so in `stored`; the door then adds none.
 */
import type { Interaction } from '../access/needs.ts';
import type { KindName } from '../audit/kinds.ts';
import type { Touched } from '../audit/record.ts';
import type { JsonObject } from '../fhir/json.ts';
import { isId } from '../fhir/reference.ts';
import { typeName } from '../fhir/resource-types.ts';
import type { Request } from '../request.ts';
import { patientOf } from '../search/patient.ts';
import type { Stored } from '../store/read.ts';
import type { Written } from '../store/write.ts';
import type { Call } from './call.ts';
import { parseStored } from './document.ts';

/** What is known before the handler runs. */
export interface Asked {
  /** Undefined where nothing is audited: what anybody may know. */
  readonly kind: KindName | undefined;
  /** Name of an operation with its `$`; the interaction, where it is refused under another kind. */
  readonly deed?: string;
  /** The resource in the path. */
  readonly about?: Touched;
  /** The patient in the path. */
  readonly patient?: string;
  /** The query as it came. */
  readonly query?: () => string | undefined;
}

export interface Trail {
  asked: Asked;
  readonly touched: Touched[];
  readonly patients: Set<string>;
  /** What else it is about, as AuditEvent.entity. */
  readonly further: JsonObject[];
  writes: number;
  /** Its event is stored already. */
  stored: boolean;
}

export function newTrail(asked: Asked): Trail {
  return { asked, touched: [], patients: new Set(), further: [], writes: 0, stored: false };
}

export const untracked: Asked = { kind: undefined };

/** What a request asks for, as its event tells it. */
export function askedOf(interaction: Interaction, call: Call): Asked {
  if (interaction === 'capabilities') return untracked;
  const { type, id, version, operation } = call.target;
  const named = id !== '' && isId(id);
  const whole = named && !interaction.startsWith('search-');
  const number = /^[1-9]\d{0,8}$/.test(version) ? Number(version) : undefined;
  return {
    kind: interaction,
    query: () => queryOf(interaction, call),
    ...(operation !== '' && { deed: operation.slice(0, 80).toWellFormed().replaceAll('\0', '') }),
    ...(whole && { about: { type, id, ...(number !== undefined && { version: number }) } }),
    ...(named && type === 'Patient' && { patient: id }),
  };
}

/** What a request asks for that no route leads to. */
export function unrouted(request: Request): Asked {
  const { method, segments } = request;
  const sent = sentBy(request);
  const text = `${method} ${segments.join('/')}${sent === '' ? '' : `?${sent}`}`;
  return { kind: 'request-refused', query: () => kept(text, longestUnrouted) };
}

/** It says nothing that could be wanted later in full. */
const longestUnrouted = 1_000;

function kept(text: string, longest: number): string {
  return text.slice(0, longest).toWellFormed().replaceAll('\0', '%00');
}

/** Longer ones are refused by the search, and kept so far. */
const longestQuery = 64_000;

/** Searches and histories always have one; others where something is searched for. */
function queryOf(interaction: Interaction, call: Call): string | undefined {
  const always = interaction.startsWith('search-') || interaction.startsWith('history-');
  const criteria = call.headers['if-none-exist'];
  const conditional = call.target.id === '' && ['update', 'patch', 'delete'].includes(interaction);
  const sent = interaction === 'create' ? criteria : sentBy(call);
  if (!always && (sent === undefined || sent === '')) return undefined;
  if (!always && !conditional && interaction !== 'operation' && interaction !== 'create') return undefined;
  const path = call.segments.join('/');
  const text = sent === undefined || sent === '' ? path : `${path}?${sent}`;
  return kept(text, longestQuery);
}

function sentBy({ sent, query }: Request): string {
  return sent?.() ?? new URLSearchParams(query.map(([name, value]): [string, string] => [name, value])).toString();
}

/** A resource that stands in the answer. @param bases our own addresses, where it may be an older version */
export function showed(trail: Trail, stored: Stored, bases: readonly string[] = []): void {
  const { type, id, version, within } = stored;
  const place = within ?? { type, id };
  trail.touched.push({ type: typeName(place.type), id: place.id, version });
  const patient = stored.patient ?? (within === undefined ? patientThen(stored, bases) : undefined);
  if (patient !== undefined) trail.patients.add(patient);
}

/** Whom an older version was about: the row knows that of the present one alone. */
function patientThen({ type, id, text }: Stored, bases: readonly string[]): string | undefined {
  if (typeName(type) === 'Patient') return id;
  if (text === null || !/Patient\//.test(text)) return undefined;
  return patientOf(parseStored(text), bases);
}

/** A version that was written, or a deletion. */
export function wrote(trail: Trail, key: { type: number; id: string }, { version, patients }: Written): void {
  trail.touched.push({ type: typeName(key.type), id: key.id, version });
  patients.forEach((patient) => trail.patients.add(patient));
  trail.writes += 1;
}

/** What a transaction noted, once it has committed. */
export function joinTrail(trail: Trail, inside: Trail): void {
  trail.touched.push(...inside.touched);
  trail.further.push(...inside.further);
  inside.patients.forEach((patient) => trail.patients.add(patient));
  trail.writes += inside.writes;
}
