/**
 * SMART App Launch scopes: what a caller may do with which resource type.
 * https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html
 *
 *   system/Observation.cruds   user/*.rs   system/Patient.rs?identifier=…      v1: .read = rs, .write = cud, .* = cruds
 *
 * 1. Fails closed: what cannot be enforced in full grants nothing. Scopes with a search filter and patient/ scopes need
 *    conditions in every statement; until those exist, such scopes are read, but neither issued nor counted.
 * 2. An interaction or operation that is not in the tables below is refused.
 */
import { outcomeError } from '../fhir/outcome.ts';
import { typeNumber } from '../fhir/resource-types.ts';

export type Permission = 'c' | 'r' | 'u' | 'd' | 's';

export interface Scope {
  readonly context: 'system' | 'user' | 'patient';
  /** A resource type, or `*` for all. */
  readonly type: string;
  /** Some of `cruds`, in that order. */
  readonly permissions: string;
  /** Search parameters, without the question mark. */
  readonly filter?: string;
}

/** http://hl7.org/fhir/restful-interaction, and the two kinds of Bundle. */
const needs = {
  create: 'c',
  read: 'r',
  vread: 'r',
  'history-instance': 'r',
  update: 'u',
  patch: 'u',
  delete: 'd',
  'search-type': 's',
  'search-system': 's',
  'history-type': 's',
  'history-system': 's',
  // Each entry is decided by itself.
  batch: '',
  transaction: '',
  // Open to everyone.
  capabilities: '',
} as const satisfies Record<string, Permission | ''>;

export type Interaction = keyof typeof needs | 'operation';

/** What an operation needs on the type it is called on. SMART leaves operations to the server. */
export const operationNeeds: ReadonlyMap<string, readonly Permission[]> = new Map([
  // Nothing is stored or shown but what the caller sent; instance-level validation reads.
  ['$validate', ['r']],
  ['$meta', ['r']],
  // Their answer shows every label that the resource has.
  ['$meta-add', ['r', 'u']],
  ['$meta-delete', ['r', 'u']],
  // The types in the result are decided one by one.
  ['$everything', ['r']],
  ['$lastn', ['s']],
  ['$stats', ['s']],
  ['$graphql', ['r', 's']],
  ['$reindex', ['u']],
  ['$reindex-status', ['s']],
]);

const v1: Readonly<Record<string, string>> = { read: 'rs', write: 'cud', '*': 'cruds' };
const pattern = /^(system|user|patient)\/(\*|[A-Za-z]+)\.(c?r?u?d?s?|read|write|\*)(?:\?(.+))?$/;

/** @throws OutcomeError `invalid` for what is no scope for resources. */
export function parseScope(text: string): Scope {
  const [, context, type = '', written = '', filter] = pattern.exec(text) ?? [];
  const known = type === '*' || typeNumber(type) !== undefined;
  if (context === undefined || written === '' || !known) {
    throw outcomeError(
      'invalid',
      `"${text.slice(0, 100)}" is no scope: it must be system, user or patient, a slash, a resource type or *, a dot and some of the letters c r u d s in this order, as in system/Observation.rs.`,
    );
  }
  const permissions = v1[written] ?? written;
  return { context: context as Scope['context'], type, permissions, ...(filter !== undefined && { filter }) };
}

/** Scopes separated by spaces, as in a token. */
export function parseScopes(text: string): Scope[] {
  return text.split(' ').filter(Boolean).map(parseScope);
}

export function scopeText({ context, type, permissions, filter }: Scope): string {
  return `${context}/${type}.${permissions}${filter === undefined ? '' : `?${filter}`}`;
}

/** @throws OutcomeError `not-supported` for scopes that could not be enforced. */
export function checkIssuable(scopes: readonly Scope[]): void {
  if (scopes.length === 0) throw outcomeError('required', 'A token needs at least one scope.');
  const unenforced = scopes.find((scope) => !isEnforced(scope));
  if (unenforced === undefined) return;
  const what = unenforced.filter === undefined ? 'patient/ scopes' : 'scopes with a search filter';
  throw outcomeError('not-supported', `${scopeText(unenforced)} is not issued: ${what} cannot be enforced yet.`);
}

function isEnforced({ context, filter }: Scope): boolean {
  return context !== 'patient' && filter === undefined;
}

export type Decision = { readonly allowed: true } | { readonly allowed: false; readonly sentence: string };

const allowed: Decision = { allowed: true };

/**
 * May a caller with these scopes do this on resources of the type?
 * @param type resource type; '' for the whole system, which needs a scope for all types
 * @param operation name with its $, for the interaction `operation`
 */
export function decide(scopes: readonly Scope[], interaction: Interaction, type: string, operation = ''): Decision {
  const needed = interaction === 'operation' ? operationNeeds.get(operation) : [...needs[interaction]];
  if (needed === undefined)
    return { allowed: false, sentence: `No scope allows the operation ${operation.slice(0, 60)}.` };
  const target = type === '' ? '*' : type;
  const missing = needed.find((permission) => !grants(scopes, permission as Permission, target));
  return missing === undefined
    ? allowed
    : { allowed: false, sentence: refusal(interaction, operation, target, missing) };
}

/** Whether any scope gives the permission on the type (`*`: on all types). */
export function grants(scopes: readonly Scope[], permission: Permission, type: string): boolean {
  return scopes.some(
    (scope) =>
      isEnforced(scope) && (scope.type === '*' || scope.type === type) && scope.permissions.includes(permission),
  );
}

function refusal(interaction: Interaction, operation: string, target: string, permission: string): string {
  const deed = interaction === 'operation' ? operation : interaction;
  const place = target === '*' ? 'all resource types' : target;
  return `Your scopes do not allow ${deed} on ${place}: that needs a scope such as system/${target}.${permission}.`;
}
