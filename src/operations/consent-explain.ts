/**
 * Patient/[id]/$consent-explain: what somebody would see of a patient's record, and why.
 *
 *   GET or POST [base]/Patient/[id]/$consent-explain
 *     account (a username), client (an id), or actor (a reference, 0..*): who; purpose (codes of v3-ActReason, 0..*);
 *     action (of consentaction, default access); resource (a reference): which one to explain
 *
 * 200 with Parameters: default and bound (whether consents bind him at all), actor, purpose, action, role, clearance,
 * scope as they count; type for each type in the record, with total, permitted, and how many consent, labels and scopes
 * deny; for the resource whether it is visible, what decided, and the deciding rule of each Consent.
 * For whoever manages users, and for the patient himself. It shows numbers and rules, no content.
 */
import type { Permission } from '../access/scopes.ts';
import { readPurposes } from '../access/purpose.ts';
import type { JsonObject } from '../fhir/json.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { plainAccessOf } from '../interactions/access.ts';
import type { Call } from '../interactions/call.ts';
import { actionsOf, oneCondition } from '../interactions/consent-restriction.ts';
import { labelRestriction } from '../interactions/label-restriction.ts';
import { searchParametersOf } from '../interactions/search-parameters.ts';
import type { Answer, Context } from '../request.ts';
import { all, and } from '../search/ast.ts';
import { compartmentCondition } from '../search/compartment.ts';
import type { ConsentCondition } from '../search/consent-condition.ts';
import { typeNumber } from '../fhir/resource-types.ts';
import { isId } from '../fhir/reference.ts';
import { countByType, rulesFor, type Layers, type MatchingRule, type TypeCount } from '../store/consent-explain.ts';
import { optional } from './administer.ts';
import { checkPatient } from './break-glass.ts';
import { subjectOf, type Subject } from './explain-subject.ts';
import { operationInput, type Input } from './parameters.ts';

const names = ['account', 'client', 'actor', 'purpose', 'action', 'resource'];

export async function consentExplain(context: Context, call: Call): Promise<Answer> {
  const { id } = call.target;
  checkMay(context, id);
  const input = await operationInput(context, call, names);
  await checkPatient(context, id);
  const written = input.texts('purpose').join(',');
  const subject = await subjectOf(context, input, written === '' ? [] : readPurposes(written));
  const action = actionOf(input);
  const asked: Asked = { context, patient: id, subject, action, conditions: conditionsOf(context, subject, action) };
  const reference = resourceOf(input);
  const parameter = [
    ...about(asked),
    ...(await countByType(context.session, layersOf(asked))).map(typePart),
    ...(reference === undefined ? [] : [await resourcePart(asked, reference)]),
  ];
  return { status: 200, resource: { resourceType: 'Parameters', parameter } };
}

/** @throws OutcomeError `forbidden` for all but those who manage users, and the patient himself. */
function checkMay({ caller }: Context, id: string): void {
  if (caller.manages.includes('users') || caller.fhirUser === `Patient/${id}`) return;
  throw outcomeError(
    'forbidden',
    'Your scopes do not allow $consent-explain: it needs manage/users, or to be the patient.',
  );
}

const permissions: Readonly<Record<string, Permission>> = {
  access: 'r',
  use: 'r',
  disclose: 'r',
  collect: 'c',
  correct: 'u',
};

function actionOf(input: Input): string {
  const action = optional(input, 'action') ?? 'access';
  if (Object.hasOwn(permissions, action)) return action;
  throw outcomeError('value', `action takes ${Object.keys(permissions).join(', ')}, not "${action.slice(0, 60)}".`, {
    status: 400,
  });
}

interface Asked {
  readonly context: Context;
  /** The patient's id. */
  readonly patient: string;
  readonly subject: Subject;
  readonly action: string;
  /** None where consents do not bind. */
  readonly conditions: readonly ConsentCondition[];
}

function permissionOf({ action }: Pick<Asked, 'action'>): Permission {
  return permissions[action] ?? 'r';
}

function defaultOf({ tenant }: Context): 'permit' | 'deny' {
  return tenant.settings.consentDefault ?? 'permit';
}

/** Of a tenant that has had no Consent yet too, so that what is told does not hang on what this process remembers. */
function conditionsOf(context: Context, { caller }: Subject, action: string): ConsentCondition[] {
  if (caller.consent === 'exempt') return [];
  const permission = permissionOf({ action });
  const otherwise = permission === 'c' ? 'permit' : defaultOf(context);
  const sets = actionsOf(permission, caller.purposes);
  const named = sets.some((actions) => actions.includes(action)) ? sets : [...sets, [action]];
  return named.map((actions) => oneCondition(caller, { actions, otherwise, unbound: [] }));
}

function layersOf({ context, patient, subject, action, conditions }: Asked): Layers {
  // Labels and consents are layers of their own.
  const caller = { ...subject.caller, consent: 'exempt', clearance: 'all' } as const;
  return {
    among: compartmentCondition('Patient', patient, searchParametersOf(context)),
    scopes: plainAccessOf({ ...context, caller }, permissionOf({ action })),
    labels: labelRestriction({ ...context, caller: subject.caller }),
    consent: conditions.length === 0 ? all : and(conditions),
    patient,
  };
}

function about({ context, subject, action, conditions }: Asked): JsonObject[] {
  const { actors, purposes, roles, clearance } = subject.caller;
  const codes = (name: string, values: readonly string[]): JsonObject[] =>
    values.map((value) => ({ name, valueCode: value }));
  return [
    ...codes('default', [defaultOf(context)]),
    { name: 'bound', valueBoolean: conditions.length > 0 },
    ...actors.map((reference) => ({ name: 'actor', valueReference: { reference } })),
    ...codes('purpose', purposes),
    ...codes('action', [action]),
    ...codes('role', roles),
    ...codes('clearance', clearance === 'all' ? ['all'] : clearance),
    ...(subject.scopes ?? []).map((valueString) => ({ name: 'scope', valueString })),
  ];
}

function typePart({ type, total, visible, byConsent, byLabels, byScopes }: TypeCount): JsonObject {
  const count = (name: string, valueInteger: number): JsonObject => ({ name, valueInteger });
  return {
    name: 'type',
    part: [
      { name: 'name', valueCode: type },
      count('total', total),
      count('permitted', visible),
      count('denied-by-consent', total - byConsent),
      count('denied-by-label', total - byLabels),
      count('denied-by-scope', total - byScopes),
    ],
  };
}

function resourceOf(input: Input): string | undefined {
  const complex = input.value('resource')?.['reference'];
  const reference = complex === undefined ? optional(input, 'resource') : String(complex);
  if (reference === undefined) return undefined;
  const [type = '', id = '', ...rest] = reference.split('/');
  if (typeNumber(type) !== undefined && isId(id) && rest.length === 0) return reference;
  throw outcomeError('invalid', `resource takes a reference such as Observation/1, not "${reference.slice(0, 100)}".`, {
    status: 400,
  });
}

async function resourcePart(asked: Asked, reference: string): Promise<JsonObject> {
  const [type = '', id = ''] = reference.split('/');
  const layers = layersOf(asked);
  const one = and([layers.among, { kind: 'type', type }, { kind: 'id', values: [id] }]);
  const { session } = asked.context;
  const [count] = await countByType(session, { ...layers, among: one });
  if (count === undefined) {
    throw outcomeError('not-found', `There is no ${reference} in the record of Patient/${asked.patient}.`);
  }
  const rules = decidingRules(await rulesFor(session, { type, id }, asked.conditions));
  return {
    name: 'resource',
    part: [
      { name: 'reference', valueReference: { reference } },
      { name: 'visible', valueBoolean: count.visible === 1 },
      { name: 'consent', valueCode: count.byConsent === 1 ? 'permit' : 'deny' },
      { name: 'by-default', valueBoolean: rules.length === 0 },
      { name: 'label', valueCode: count.byLabels === 1 ? 'permit' : 'deny' },
      { name: 'scope', valueCode: count.byScopes === 1 ? 'permit' : 'deny' },
      ...rules.map(rulePart),
    ],
  };
}

/** The first of each Consent: they come deepest first, and of equally deep ones the denial. Denials before permissions. */
function decidingRules(rules: readonly MatchingRule[]): MatchingRule[] {
  const first = new Map<string, MatchingRule>();
  for (const rule of rules) {
    const key = `${rule.patient} ${rule.consent}`;
    if (!first.has(key)) first.set(key, rule);
  }
  return [...first.values()].sort((a, b) => Number(a.permit) - Number(b.permit));
}

function rulePart({ patient, consent, path, permit }: MatchingRule): JsonObject {
  return {
    name: 'rule',
    part: [
      { name: 'consent', valueReference: { reference: `Consent/${consent}` } },
      { name: 'patient', valueReference: { reference: `Patient/${patient}` } },
      { name: 'provision', valueString: path },
      { name: 'type', valueCode: permit ? 'permit' : 'deny' },
    ],
  };
}
