/**
 * A role definition as it is stored and sent: JSON with the members of RoleDefinition.
 *
 * 1. Refused where it cannot be understood to the last member: an unknown one might have meant less access.
 * 2. Refused where it would give what no role may have: writing AuditEvent; the data of patients together with the
 *    management of users or roles.
 * 3. One that is stored and not understood (an older or a damaged row) grants nothing.
 */
import type { JsonObject, JsonValue } from '../fhir/json.ts';
import { OutcomeError, outcomeError } from '../fhir/outcome.ts';
import { shippedRoles, type RoleDefinition } from './roles.ts';
import { managed, parseRoleScope, type Managed, type Scope } from './scopes.ts';

/** A role of a laboratory as it is stored: `definition` is JSON text. */
export interface Stored {
  readonly name: string;
  readonly definition: string;
}

/** The roles with these names as a laboratory has them; what it does not know or cannot read is left out. */
export function resolveRoles(names: readonly string[], own: readonly Stored[]): RoleDefinition[] {
  const stored = new Map(own.map((role) => [role.name, role]));
  return [...new Set(names)]
    .map((name) => {
      const row = stored.get(name);
      return row === undefined ? shippedRoles.get(name) : understood(row);
    })
    .filter((role) => role !== undefined);
}

/** Undefined where a stored row cannot be understood. */
export function understood({ name, definition }: Stored): RoleDefinition | undefined {
  try {
    const role = readRoleDefinition(JSON.parse(definition) as JsonValue);
    return role.name === name ? role : undefined;
  } catch (error) {
    if (error instanceof OutcomeError || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

const members = new Set(['name', 'title', 'scopes', 'manages', 'secondFactor', 'clearance', 'breakGlass', 'consent']);
const confidentialities = ['U', 'L', 'M', 'N', 'R', 'V'];
const mostScopes = 200;
const longestScope = 500;
const longestBreakGlass = 24 * 60;

/** @throws OutcomeError `invalid` that names the member and the rule. */
export function readRoleDefinition(value: JsonValue): RoleDefinition {
  const role = objectOf(value);
  const unknown = Object.keys(role).find((key) => !members.has(key));
  if (unknown !== undefined) throw invalid(`A role has no "${unknown.slice(0, 60)}".`);
  const { consent, secondFactor } = role;
  if (consent !== 'enforced' && consent !== 'exempt') throw invalid('consent is enforced or exempt.');
  if (typeof secondFactor !== 'boolean') throw invalid('secondFactor is true or false.');
  const breakGlass = breakGlassOf(role['breakGlass']);
  const definition: RoleDefinition = {
    name: nameOf(role['name']),
    title: titleOf(role['title']),
    scopes: textsOf('scopes', role['scopes'], mostScopes),
    manages: manages(role['manages']),
    secondFactor,
    clearance: clearanceOf(role['clearance']),
    consent,
    ...(breakGlass && { breakGlass }),
  };
  checkScopes(definition);
  return definition;
}

function objectOf(value: JsonValue | undefined): JsonObject {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw invalid('A role is a JSON object.');
}

export function isRoleName(text: string): boolean {
  return /^[a-z][a-z0-9-]{1,62}$/.test(text);
}

function nameOf(value: JsonValue | undefined): string {
  if (typeof value === 'string' && isRoleName(value)) return value;
  throw invalid('name takes 2 to 63 lower-case letters, digits and hyphens and begins with a letter.');
}

function titleOf(value: JsonValue | undefined): string {
  if (typeof value === 'string' && /^[^\p{Cc}]{1,200}$/u.test(value) && value.trim() !== '') return value;
  throw invalid('title takes 1 to 200 characters.');
}

function textsOf(name: string, value: JsonValue | undefined, most: number): string[] {
  const texts = Array.isArray(value) ? value.filter((one) => typeof one === 'string') : undefined;
  if (texts === undefined || texts.length !== (value as JsonValue[]).length || texts.length > most) {
    throw invalid(`${name} takes an array of at most ${most} texts.`);
  }
  return texts;
}

function manages(value: JsonValue | undefined): Managed[] {
  const texts = textsOf('manages', value, managed.length);
  const wrong = texts.find((text) => !managed.some((known) => known === text));
  if (wrong === undefined) return texts as Managed[];
  throw invalid(`manages takes ${managed.join(', ')}, not "${wrong.slice(0, 60)}".`);
}

function clearanceOf(value: JsonValue | undefined): string[] | 'all' {
  if (value === 'all') return 'all';
  const texts = textsOf('clearance', value, confidentialities.length);
  const wrong = texts.find((text) => !confidentialities.includes(text));
  if (wrong === undefined) return texts;
  throw invalid(`clearance takes all, or some of ${confidentialities.join(', ')}, not "${wrong.slice(0, 60)}".`);
}

function breakGlassOf(value: JsonValue | undefined): { minutes: number } | undefined {
  if (value === undefined) return undefined;
  const { minutes, ...rest } = objectOf(value);
  const whole = typeof minutes === 'number' && Number.isInteger(minutes) && minutes >= 1;
  if (whole && minutes <= longestBreakGlass && Object.keys(rest).length === 0) return { minutes };
  throw invalid(`breakGlass takes minutes, a whole number from 1 to ${longestBreakGlass}.`);
}

/** Types without anything of a patient: all that a manager of users or roles may have. */
const ofNoPatient: ReadonlySet<string> = new Set(
  [...(shippedRoles.get('administrator')?.scopes ?? [])].map((text) => parseRoleScope(text).type),
);

function checkScopes({ scopes: texts, manages: managing }: RoleDefinition): void {
  const scopes = texts.map(readScope);
  const writing = scopes.find(({ type, permissions }) => coversAuditEvent(type) && /[cud]/.test(permissions));
  if (writing !== undefined) {
    throw invalid(`scopes: nobody writes AuditEvent, so ${writing.type}.${writing.permissions} is in no role.`);
  }
  const clinical = scopes.find(({ type }) => !ofNoPatient.has(type));
  if (clinical !== undefined && managing.some((thing) => thing === 'users' || thing === 'roles')) {
    throw invalid(`scopes: a role that manages users or roles has no access to ${clinical.type}.`);
  }
}

function coversAuditEvent(type: string): boolean {
  return type === 'AuditEvent' || type === '*';
}

function readScope(text: string): Scope {
  if (text.length > longestScope) throw invalid(`A scope has at most ${longestScope} characters.`);
  try {
    return parseRoleScope(text);
  } catch (error) {
    if (error instanceof OutcomeError) throw invalid(`scopes: ${error.message}`);
    throw error;
  }
}

function invalid(sentence: string): OutcomeError {
  return outcomeError('invalid', sentence, { status: 400 });
}
