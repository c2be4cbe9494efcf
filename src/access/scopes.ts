/**
 * Scopes: what a token or a role allows with which resource type.
 * https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html
 *
 *   system/Observation.cruds   user/*.rs   patient/Observation.rs?category=laboratory   manage/users
 *   v1: .read = rs, .write = cud, .* = cruds
 *
 * Roles are written in the same way and know more contexts: `practitioner/Task.rs` is what lies in the compartment of
 * the Practitioner that the caller is. Only the text is read here; permits.ts makes of it what a caller may do.
 */
import { outcomeError } from '../fhir/outcome.ts';
import { typeNumber } from '../fhir/resource-types.ts';

export type Permission = 'c' | 'r' | 'u' | 'd' | 's';

export type ScopeContext = 'system' | 'user' | 'patient' | 'practitioner' | 'relatedPerson' | 'encounter' | 'device';

export interface Scope {
  readonly context: ScopeContext;
  /** A resource type, or `*` for all. */
  readonly type: string;
  /** Some of `cruds`, in that order. */
  readonly permissions: string;
  /** Search parameters, without the question mark. */
  readonly filter?: string;
}

/** Words of a token that mean no resource. */
export const contextScopes = [
  'openid',
  'fhirUser',
  'profile',
  'offline_access',
  'online_access',
  'launch',
  'launch/patient',
  'launch/encounter',
] as const;

/** What a caller may manage besides resources. */
export const managed = ['users', 'clients', 'roles', 'launches', 'usage', 'settings', 'privacy', 'research'] as const;

export type Managed = (typeof managed)[number];

const v1: Readonly<Record<string, string>> = { read: 'rs', write: 'cud', '*': 'cruds' };
const pattern =
  /^(system|user|patient|practitioner|relatedPerson|encounter|device)\/(\*|[A-Za-z]+)\.(c?r?u?d?s?|read|write|\*)(?:\?(\S+))?$/;
const ofTokens: ReadonlySet<string> = new Set(['system', 'user', 'patient']);

/** A scope of a token. @throws OutcomeError `invalid` for what is no scope for resources. */
export function parseScope(text: string): Scope {
  const scope = read(text);
  if (scope === undefined || !ofTokens.has(scope.context)) {
    throw outcomeError('invalid', noScope(text, 'system, user or patient'));
  }
  return scope;
}

/** A scope of a role. @throws OutcomeError `invalid` */
export function parseRoleScope(text: string): Scope {
  const scope = read(text);
  if (scope === undefined) {
    const contexts = 'system, user, patient, practitioner, relatedPerson, encounter or device';
    throw outcomeError('invalid', noScope(text, contexts));
  }
  return scope;
}

function read(text: string): Scope | undefined {
  const [, context, type = '', written = '', filter] = pattern.exec(text) ?? [];
  const known = type === '*' || typeNumber(type) !== undefined;
  if (context === undefined || written === '' || !known) return undefined;
  const permissions = v1[written] ?? written;
  return { context: context as ScopeContext, type, permissions, ...(filter !== undefined && { filter }) };
}

function noScope(text: string, contexts: string): string {
  return `"${text.slice(0, 100)}" is no scope: it must be ${contexts}, a slash, a resource type or *, a dot and some of the letters c r u d s in this order, as in system/Observation.rs.`;
}

function words(text: string): string[] {
  return text.split(' ').filter(Boolean);
}

/** The scopes for resources in the text of a token, where `manage/…` may stand among them. */
export function parseScopes(text: string): Scope[] {
  return words(text)
    .filter((word) => !word.startsWith('manage/'))
    .map(parseScope);
}

/** What the text of a token allows to manage. @throws OutcomeError `invalid` for an unknown word. */
export function parseManages(text: string): Managed[] {
  const names = words(text).flatMap((word) => (word.startsWith('manage/') ? [word.slice('manage/'.length)] : []));
  const unknown = names.find((name) => !isManaged(name));
  if (unknown !== undefined) {
    throw outcomeError(
      'invalid',
      `"manage/${unknown.slice(0, 80)}" is no scope: possible are ${managed.map((name) => `manage/${name}`).join(', ')}.`,
    );
  }
  return names.filter(isManaged);
}

function isManaged(name: string): name is Managed {
  return (managed as readonly string[]).includes(name);
}

export function scopeText({ context, type, permissions, filter }: Scope): string {
  return `${context}/${type}.${permissions}${filter === undefined ? '' : `?${filter}`}`;
}

/** Whether any gives the permission on the type, whatever its conditions (`*`: on all types). */
export function grants(
  list: readonly Pick<Scope, 'type' | 'permissions'>[],
  permission: Permission,
  type: string,
): boolean {
  return list.some((one) => (one.type === '*' || one.type === type) && one.permissions.includes(permission));
}
