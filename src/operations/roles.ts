/**
 * Roles of the laboratory, for its administrators (manage/roles). All at system level.
 *
 *   GET  [base]/$role-list                                      200: role (0..*)
 *   POST [base]/$role-set     name title scope* manages* secondFactor clearance* breakGlassMinutes? consent     200: role
 *   POST [base]/$role-delete  name                              200: role, where one is as it was shipped again
 *
 * The parameters of $role-set are the members of a role (access/roles.ts) and take the place of all that it had;
 * clearance is `all` or some confidentiality codes. A role that is stored and no longer understood stands in the list
 * with understood=false and grants nothing. Changes need a second factor of the last 15 minutes.
 */
import { understood } from '../access/role-definition.ts';
import { shippedRoles, type RoleDefinition } from '../access/roles.ts';
import { parseRoleScope } from '../access/scopes.ts';
import { removeRole, setRole } from '../accounts/own-roles.ts';
import type { JsonObject } from '../fhir/json.ts';
import { outcomeError, OutcomeError } from '../fhir/outcome.ts';
import { parseAccessFilter } from '../interactions/access.ts';
import type { Call } from '../interactions/call.ts';
import { searchParametersOf } from '../interactions/search-parameters.ts';
import type { Answer, Context } from '../request.ts';
import { readRoles } from '../store/roles.ts';
import { administrationOf, optional, required, yesOrNo } from './administer.ts';
import { operationInput, type Input } from './parameters.ts';

export async function roleList(context: Context, call: Call): Promise<Answer> {
  await operationInput(context, call, []);
  const own = await readRoles(context.session);
  const shipped = [...shippedRoles.values()].filter(({ name }) => !own.some((role) => role.name === name));
  const parts = own.map((stored) => {
    const role = understood(stored);
    return role === undefined
      ? notUnderstood(stored.name)
      : rolePart(role, shippedRoles.has(role.name) ? 'changed' : 'own');
  });
  return answer([...shipped.map((role) => rolePart(role, 'shipped')), ...parts]);
}

const parameters = ['name', 'title', 'scope', 'manages', 'secondFactor', 'clearance', 'breakGlassMinutes', 'consent'];

export async function roleSet(context: Context, call: Call): Promise<Answer> {
  const input = await operationInput(context, call, parameters);
  const administration = administrationOf(context);
  const sent = definitionFrom(input);
  for (const scope of input.texts('scope')) checkFilter(context, scope);
  const role = await setRole(administration, sent);
  return answer([rolePart(role, shippedRoles.has(role.name) ? 'changed' : 'own')]);
}

export async function roleDelete(context: Context, call: Call): Promise<Answer> {
  const input = await operationInput(context, call, ['name']);
  const name = required(input, 'name');
  await removeRole(administrationOf(context), name);
  const shipped = shippedRoles.get(name);
  return answer(shipped === undefined ? [] : [rolePart(shipped, 'shipped')]);
}

function definitionFrom(input: Input): JsonObject {
  const clearance = input.texts('clearance');
  const minutes = optional(input, 'breakGlassMinutes');
  return {
    name: required(input, 'name'),
    title: required(input, 'title'),
    scopes: input.texts('scope'),
    manages: input.texts('manages'),
    secondFactor: yesOrNo(input, 'secondFactor'),
    clearance: clearance.length === 1 && clearance[0] === 'all' ? 'all' : clearance,
    consent: required(input, 'consent'),
    ...(minutes !== undefined && { breakGlass: { minutes: Number(minutes) } }),
  };
}

/** A filter must be understood by the search as it is now, with some person in place of the placeholders. */
function checkFilter(context: Context, text: string): void {
  const { type, filter } = parseRoleScope(text);
  if (filter === undefined) return;
  const filled = filter.replaceAll(/\{(fhirUser|patient)\}/g, (_, name: string) =>
    name === 'patient' ? '1' : 'Practitioner%2F1',
  );
  if (filled.includes('{'))
    throw invalid(`scope: the placeholders are {fhirUser} and {patient}; "${text.slice(0, 200)}"`);
  try {
    parseAccessFilter(type, filled, searchParametersOf(context));
  } catch (error) {
    if (error instanceof OutcomeError) throw invalid(`scope "${text.slice(0, 200)}": ${error.message}`);
    throw error;
  }
}

function invalid(sentence: string): OutcomeError {
  return outcomeError('invalid', sentence, { status: 400 });
}

function rolePart(role: RoleDefinition, source: 'shipped' | 'changed' | 'own'): JsonObject {
  const { clearance, breakGlass } = role;
  return {
    name: 'role',
    part: [
      { name: 'name', valueCode: role.name },
      { name: 'title', valueString: role.title },
      { name: 'source', valueCode: source },
      { name: 'understood', valueBoolean: true },
      ...role.scopes.map((scope) => ({ name: 'scope', valueString: scope })),
      ...role.manages.map((what) => ({ name: 'manages', valueCode: what })),
      { name: 'secondFactor', valueBoolean: role.secondFactor },
      ...(clearance === 'all' ? ['all'] : clearance).map((code) => ({ name: 'clearance', valueCode: code })),
      ...(breakGlass === undefined ? [] : [{ name: 'breakGlassMinutes', valueInteger: breakGlass.minutes }]),
      { name: 'consent', valueCode: role.consent },
    ],
  };
}

function notUnderstood(name: string): JsonObject {
  return {
    name: 'role',
    part: [
      { name: 'name', valueCode: name },
      { name: 'understood', valueBoolean: false },
    ],
  };
}

function answer(parameter: JsonObject[]): Answer {
  const resource: JsonObject = { resourceType: 'Parameters', ...(parameter.length > 0 && { parameter }) };
  return { status: 200, resource };
}
