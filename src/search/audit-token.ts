/**
 * Tokens of AuditEvents as SQL on a row `e` of audit_event. Most of an event's codes follow from its kind
 * (src/audit/kinds.ts), so that a value is first compared with the table of kinds, here, and then with their numbers.
 */
import { kinds, ownCommands, ownOperations, type Kind } from '../audit/kinds.ts';
import type { JsonObject } from '../fhir/json.ts';
import { sql, type Sql } from '../store/sql.ts';
import type { TokenValue } from './ast.ts';
import { anyOf, either } from './sql-list.ts';

/** searchparameters/audit-event-request-id.json and audit-event-break-glass.json. */
export const requestIds = "AuditEvent.entity.where(type.code = 'XrequestId').what.identifier";
export const emergencies =
  "(AuditEvent.purposeOfEvent.coding.where(code = 'BTG') | AuditEvent.subtype.where(code = '110127' or code = '110128')).exists()";

type Tokens = (values: readonly TokenValue[]) => Sql;

/** By the path of the element. */
export const auditTokens: Readonly<Record<string, Tokens>> = {
  'AuditEvent.type': (values) => kindSql(values, ({ type }) => type),
  'AuditEvent.subtype': (values) =>
    either([kindSql(values, ({ subtype }) => subtype), ...values.filter(mayBeDeed).map((value) => deedSql(value))]),
  'AuditEvent.action': (values) => kindSql(values, ({ action }) => ({ code: action })),
  'AuditEvent.outcome': (values) =>
    values.some(({ code }) => code === undefined)
      ? sql`true`
      : sql`e.outcome = any(${values.map(({ code }) => Number(/^(0|4|8|12)$/.exec(code ?? '')?.[0] ?? -1))}::int2[])`,
  'AuditEvent.entity.type': (values) => entityCodeSql('type', values),
  'AuditEvent.entity.role': (values) => entityCodeSql('role', values),
  'AuditEvent.source.site': () => sql`false`,
  'AuditEvent.purposeOfEvent': (values) => either(values.map(purposeSql)),
  'AuditEvent.agent.purposeOfUse': () => sql`false`,
  [requestIds]: (values) => either(values.map(requestSql)),
  [emergencies]: (values) => emergencySql(values),
};

/** Elements that every event has, or that are worked out of it. */
export const inEveryEvent: ReadonlySet<string> = new Set([requestIds, emergencies]);

const purposeSystem = 'http://terminology.hl7.org/CodeSystem/v3-ActReason';

function purposeSql({ system, code }: TokenValue): Sql {
  if (system !== undefined && system !== purposeSystem) return sql`false`;
  return code === undefined ? sql`e.detail ? 'purposes'` : sql`e.detail -> 'purposes' ? ${code}`;
}

/** Whether a request can be named so: its id has no system. */
export function isRequest({ system, code }: TokenValue): boolean {
  return (system ?? '') === '' && code !== undefined;
}

function requestSql(value: TokenValue): Sql {
  return isRequest(value) ? sql`e.request = ${value.code ?? ''}` : sql`false`;
}

/** The very text of an index: audit_event_by_emergency. 40 and 41 open and close an override. */
const emergency = sql`(e.detail -> 'purposes' ? 'BTG' or e.kind in (40, 41))`;

function emergencySql(values: readonly TokenValue[]): Sql {
  return either(
    values.flatMap(({ code }) =>
      code === 'true' ? [emergency] : code === 'false' ? [sql`${emergency} is not true`] : [],
    ),
  );
}

function matches(coding: JsonObject, { system, code }: TokenValue): boolean {
  const same = system === undefined || (coding['system'] ?? null) === system;
  return same && (code === undefined || coding['code'] === code);
}

function kindSql(values: readonly TokenValue[], codingOf: (kind: Kind) => JsonObject): Sql {
  const numbers = Object.values(kinds).flatMap((kind) =>
    values.some((value) => matches(codingOf(kind), value)) ? [kind.number] : [],
  );
  const among = anyOf(sql`e.kind`, numbers, 'int2');
  // The text of an index, audit_event_by_kind: what is no interaction is rare, and is looked for over years.
  return numbers.every((number) => number >= 30) ? sql`(${among} and e.kind >= 30)` : among;
}

const interactionSystem = 'http://hl7.org/fhir/restful-interaction';

/** Codes of the kinds that are no interactions: nothing that is done has such a name. */
const ofKinds: ReadonlySet<unknown> = new Set(
  Object.values(kinds).flatMap(({ number, subtype }: Kind) => (number >= 30 ? [subtype['code']] : [])),
);

/** Another alternative would keep the index of kinds from being used. */
function mayBeDeed({ code }: TokenValue): boolean {
  return !ofKinds.has(code);
}

/** Operations and commands, and of what was refused what it was: the second subtype. */
function deedSql({ system, code }: TokenValue): Sql {
  const deed = sql`e.detail ->> 'deed'`;
  if (code !== undefined) {
    return system === undefined || system === deedSystem(code) ? sql`${deed} = ${code}` : sql`false`;
  }
  if (system === ownOperations) return sql`starts_with(${deed}, '$')`;
  if (system === ownCommands) return sql`(strpos(${deed}, ' ') > 0 and not starts_with(${deed}, '$'))`;
  return system === interactionSystem ? sql`(strpos(${deed}, ' ') = 0 and not starts_with(${deed}, '$'))` : sql`false`;
}

function deedSystem(name: string): string {
  if (name.startsWith('$')) return ownOperations;
  return name.includes(' ') ? ownCommands : interactionSystem;
}

const types = 'http://terminology.hl7.org/CodeSystem/audit-entity-type';
const roles = 'http://terminology.hl7.org/CodeSystem/object-role';
const touched = sql`e.entity_id is not null`;
const patients = sql`(e.patient is not null or e.detail ? 'patients')`;
const query = sql`e.detail ? 'query'`;

/** What the rendering gives each kind of entity, and when an event has one. */
const entityCodes: Readonly<Record<'type' | 'role', readonly (readonly [coding: JsonObject, there: Sql])[]>> = {
  type: [
    [{ system: types, code: '2' }, sql`(${touched} or ${query})`],
    [{ system: types, code: '1' }, patients],
    [{ system: 'https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType', code: 'XrequestId' }, sql`true`],
  ],
  role: [
    [{ system: roles, code: '4' }, touched],
    [{ system: roles, code: '1' }, patients],
    [{ system: roles, code: '24' }, query],
  ],
};

function entityCodeSql(member: 'type' | 'role', values: readonly TokenValue[]): Sql {
  const usual = entityCodes[member].filter(([coding]) => values.some((value) => matches(coding, value)));
  return either([...usual.map(([, there]) => there), ...values.map((value) => furtherSql(member, value))]);
}

/** Entities that are no resources: each has a system and a code (src/audit/security.ts). */
function furtherSql(member: 'type' | 'role', { system, code }: TokenValue): Sql {
  if (system === null) return sql`false`;
  const coding = { ...(system !== undefined && { system }), ...(code !== undefined && { code }) };
  return sql`e.detail @> ${JSON.stringify({ further: [{ [member]: coding }] })}::jsonb`;
}
