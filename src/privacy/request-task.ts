/**
 * The Task of a data-subject request (profiles/data-subject-request.json), and what is read from one. Pure.
 *
 * 1. It holds ids, codes and dates, and reasons of the laboratory that do not name the person: what the person wrote, and
 *    how to reach him, is a document of its own that goes when the patient is erased. So the Task can stay as the proof.
 * 2. Its id begins with `data-subject-request-` exactly where its code says that it is one: whether a write touches a
 *    request is known without a look at what is stored.
 */
import type { JsonObject, JsonValue } from '../fhir/json.ts';
import { statusOf, type Status } from './steps.ts';

/** https://gdpr-info.eu/chapter-3/ */
export const rights = {
  access: { article: 'Art. 15', text: 'Access' },
  portability: { article: 'Art. 20', text: 'Data portability' },
  rectification: { article: 'Art. 16', text: 'Rectification' },
  restriction: { article: 'Art. 18', text: 'Restriction of processing' },
  objection: { article: 'Art. 21', text: 'Objection' },
  erasure: { article: 'Art. 17', text: 'Erasure' },
} as const;

export type Right = keyof typeof rights;

export const identityChecks = ['in-person', 'document', 'account', 'call-back', 'representative'] as const;

export type IdentityCheck = (typeof identityChecks)[number];

export const idPrefix = 'data-subject-request-';
export const requestCode = 'data-subject-request';
export const profile = 'urn:makhbar:profile:data-subject-request';

const taskSystem = 'urn:makhbar:task';
const rightSystem = 'urn:makhbar:data-subject-right';
const partSystem = 'urn:makhbar:data-subject-part';
const stageSystem = 'urn:makhbar:data-subject-stage';
export const numberSystem = 'urn:makhbar:data-subject-request';

/** The type of the documents that belong to requests: the letter of the person, and what he is given. */
export const documentType = { coding: [{ system: taskSystem, code: requestCode }] };

export interface Filed {
  readonly id: string;
  readonly right: Right;
  readonly patient: string | undefined;
  readonly received: string;
  readonly due: string;
  readonly now: string;
  readonly identity: IdentityCheck | undefined;
  readonly language: string;
  /** `DocumentReference/…` */
  readonly letter: string | undefined;
  readonly requester: JsonObject | undefined;
  readonly owner: JsonObject;
}

/** People tell it over the telephone: a year and ten digits of the id. */
export function numberOf(id: string, received: string): string {
  return `DSR-${received.slice(0, 4)}-${id.slice(-10).toUpperCase()}`;
}

export function requestTask(filed: Filed): JsonObject {
  const { id, right, patient, received, due, now, identity, language, letter, requester, owner } = filed;
  const { text, article } = rights[right];
  return {
    resourceType: 'Task',
    id,
    meta: { profile: [profile] },
    identifier: [{ system: numberSystem, value: numberOf(id, received) }],
    status: 'requested',
    businessStatus: stage(identity === undefined ? 'identity-open' : 'identity-verified'),
    intent: 'order',
    priority: 'routine',
    code: {
      coding: [
        { system: taskSystem, code: requestCode },
        { system: rightSystem, code: right, display: text },
      ],
      text: `${text} (GDPR ${article})`,
    },
    ...(patient !== undefined && { for: { reference: `Patient/${patient}` } }),
    authoredOn: received,
    lastModified: now,
    ...(requester !== undefined && { requester }),
    performerType: [{ coding: [{ system: 'urn:makhbar:role', code: 'data-protection-officer' }] }],
    owner,
    restriction: { period: { start: received, end: due } },
    input: [
      part('language', { valueCode: language }),
      ...(identity === undefined ? [] : [part('identity-check', { valueCode: identity })]),
      ...(letter === undefined ? [] : [part('letter', { valueReference: { reference: letter } })]),
    ],
  };
}

/** Where a request stands within its status (profiles/data-subject-stage.json). */
export const stages = ['identity-open', 'identity-verified', 'carried-out', 'ended'] as const;

export type Stage = (typeof stages)[number];

export function stage(code: Stage): JsonObject {
  return { coding: [{ system: stageSystem, code }] };
}

/** Inputs and outputs of the Task (profiles/data-subject-part.json). */
export const parts = [
  'language',
  'identity-check',
  'letter',
  'evidence',
  'expires',
  'records',
  'decision',
  'purpose',
  'erased',
  'kept',
  'dereferenced',
  'left',
] as const;

export type Part = (typeof parts)[number];

export function part(code: Part, value: JsonObject): JsonObject {
  return { type: { coding: [{ system: partSystem, code }] }, ...value };
}

export interface RequestFacts {
  readonly right: Right;
  readonly status: Status;
  readonly patient: string | undefined;
  readonly received: string;
  readonly due: string;
  readonly identity: string | undefined;
  readonly language: string;
  readonly number: string;
}

export function factsOf(task: JsonObject): RequestFacts {
  const right = codings(task['code']).find(({ system }) => system === rightSystem)?.['code'] as Right;
  const subject = member(member(task, 'for'), 'reference');
  const period = member(member(task, 'restriction'), 'period');
  return {
    right,
    status: statusOf(task['status']),
    patient: typeof subject === 'string' ? subject.slice('Patient/'.length) : undefined,
    received: String(task['authoredOn']),
    due: String(member(period, 'end')),
    identity: codeIn(task, 'identity-check'),
    language: codeIn(task, 'language') ?? 'en',
    number: String(list(task['identifier'])[0]?.['value']),
  };
}

/** Inputs or outputs of that code. */
export function partsOf(task: JsonObject, place: 'input' | 'output', code: Part): JsonObject[] {
  return list(task[place]).filter(({ type }) => codings(type).some((coding) => coding['code'] === code));
}

function codeIn(task: JsonObject, code: Part): string | undefined {
  const value = partsOf(task, 'input', code)[0]?.['valueCode'];
  return typeof value === 'string' ? value : undefined;
}

/** Whether a resource says of itself that it is a request. */
export function isRequest(resource: JsonObject): boolean {
  return (
    resource['resourceType'] === 'Task' &&
    codings(resource['code']).some(({ system, code }) => system === taskSystem && code === requestCode)
  );
}

/** Whether it says that it belongs to one. */
export function isRequestDocument(resource: JsonObject): boolean {
  return (
    resource['resourceType'] === 'DocumentReference' &&
    codings(resource['type']).some(({ system, code }) => system === taskSystem && code === requestCode)
  );
}

function codings(concept: JsonValue | undefined): JsonObject[] {
  return list(member(concept, 'coding'));
}

function member(value: JsonValue | undefined, name: string): JsonValue | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value[name] : undefined;
}

function list(value: JsonValue | undefined): JsonObject[] {
  return Array.isArray(value) ? (value as JsonObject[]) : [];
}
