/**
 * Conditions on AuditEvents as SQL on the rows of the audit log: `e` is a row of audit_event. The log has no index rows;
 * each path of AuditEvent is answered from the columns that its rendering (src/audit/event.ts) is made of.
 *
 * 1. What the columns cannot tell is refused by name, never left out. What no event has (policy, site, a reference to the
 *    source) matches nothing, which is the answer.
 * 2. Conditions of an access that cannot be asked grant nothing.
 * 3. Events that other systems sent are asked in another way (compile-external.ts): a search of a log that has some is
 *    one of each, put together.
 * 4. Who did it and whom a resource is about are looked up first (`Known`), so that an index delivers in order.
 */
import { OutcomeError, outcomeError } from '../fhir/outcome.ts';
import { join, raw, sql, type Sql } from '../store/sql.ts';
import { agentKey, isAgentPath } from './audit-agents.ts';
import { entityAlternatives, entityIdentifierSql, isBounded, type Alternative, type Patients } from './audit-entity.ts';
import { auditTokens, inEveryEvent, isRequest, requestIds } from './audit-token.ts';
import type { Condition, RowLeaf, StringMode } from './ast.ts';
import { externalAlternatives, externalPresentSql, withoutLabel } from './compile-external.ts';
import { updatedSql } from './date-sql.ts';
import type { Parameter, ParameterPath } from './parameters.ts';
import { either } from './sql-list.ts';

/** What was looked up before. */
export interface Known {
  readonly tenant: number;
  /** The numbers of the agents that meet a question, by `agentKey`. */
  readonly agents: ReadonlyMap<string, readonly number[]>;
  /** Whom a resource is or was about, by `entityKey`. */
  readonly patients: Patients;
}

/** Whose events are asked for: this server's, or those that other systems sent. */
export type Origin = 'own' | 'external';

interface Asked extends Known {
  readonly origin: Origin;
}

interface Surroundings extends Asked {
  readonly bounded: boolean;
}

/** Compartments as the references that make them. */
export function withoutCompartments(condition: Condition): Condition {
  if (condition.kind === 'and' || condition.kind === 'or') {
    return { ...condition, parts: condition.parts.map(withoutCompartments) };
  }
  if (condition.kind === 'not') return { ...condition, part: withoutCompartments(condition.part) };
  if (condition.kind !== 'compartment') return condition;
  const { type, id, members } = condition;
  const paths = members.get('AuditEvent') ?? [];
  return paths.length === 0
    ? { kind: 'none' }
    : { kind: 'reference', paths, values: [{ type, id, version: undefined }] };
}

function auditSql(condition: Condition, known: Surroundings): Sql {
  switch (condition.kind) {
    case 'all':
      return sql`true`;
    case 'none':
      return sql`false`;
    case 'and':
      return every(condition.parts.map((part) => auditSql(part, known)));
    case 'or':
      return either(condition.parts.map((part) => auditSql(part, known)));
    case 'not':
      return sql`((${auditSql(condition.part, known)}) is not true)`;
    case 'missing':
      return missing(condition.parameter, known);
    case 'id':
      return either(condition.values.map(idSql));
    case 'updated':
      return either(condition.values.map((value) => updatedSql(sql`e.time`, value)));
    case 'type':
      return condition.type === 'AuditEvent' ? sql`true` : sql`false`;
    // An event of this server has no label.
    case 'labels':
      if (!condition.unlabelled) return sql`false`;
      return known.origin === 'external' ? withoutLabel : sql`true`;
    // Consents and restrictions are about what patients' records say, not about who read them.
    case 'consent':
    case 'restricted':
      return sql`true`;
    default:
      return either(alternativesOf(condition, known).map(({ where }) => where));
  }
}

function every(parts: readonly Sql[]): Sql {
  return parts.length === 0 ? sql`true` : sql`(${join(parts, ' and ')})`;
}

/** What an access lets through. What cannot be asked is false: outside of negations that only narrows. */
export function auditAccessSql(condition: Condition, known: Asked): Sql {
  if (condition.kind === 'and') return every(condition.parts.map((part) => auditAccessSql(part, known)));
  if (condition.kind === 'or') return either(condition.parts.map((part) => auditAccessSql(part, known)));
  try {
    return auditSql(condition, { ...known, bounded: true });
  } catch (error) {
    if (error instanceof OutcomeError) return sql`false`;
    throw error;
  }
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const lastTime = Date.parse('9999-12-31T23:59:59.999Z');

/** An id begins with the time of its event, by which the log is parted. */
export function idSql(id: string): Sql {
  const time = uuid.test(id) ? Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16) : Infinity;
  if (time > lastTime) return sql`false`;
  return sql`(e.time = ${new Date(time).toISOString()}::timestamptz and e.id = ${id}::uuid)`;
}

/** Alternatives that one index each finds in the order of time. */
function alternativesOf(condition: Condition, known: Surroundings): Alternative[] {
  if (!isLeaf(condition)) throw inexpressible(nameOf(condition));
  return condition.paths.flatMap((path) => ofPath(condition, path, known));
}

const leaves = ['token', 'string', 'date', 'reference', 'reference-identifier', 'uri'];

function isLeaf(condition: Condition): condition is RowLeaf {
  return leaves.includes(condition.kind);
}

function ofPath(leaf: RowLeaf, path: ParameterPath, known: Surroundings): Alternative[] {
  const { key } = path.path;
  if (known.origin === 'external') return externalAlternatives(leaf, path, known.tenant);
  if (isAgentPath(path)) return agentAlternatives(known.agents.get(agentKey(leaf, path)) ?? []).map(asked);
  if (isEntity(path) && leaf.kind === 'reference') return entityAlternatives(leaf.values, known);
  return elementSql(leaf, key).map(asked);
}

function asked(where: Sql): Alternative {
  return { where };
}

function elementSql(leaf: RowLeaf, key: string): Sql[] {
  if (leaf.kind === 'token' && auditTokens[key] !== undefined) return [auditTokens[key](leaf.values)];
  if (leaf.kind === 'date' && key === 'AuditEvent.recorded') {
    return [either(leaf.values.map((value) => updatedSql(sql`e.time`, value)))];
  }
  if (leaf.kind === 'string' && key === 'AuditEvent.agent.network.address') return [addressSql(leaf.mode, leaf.values)];
  if (key === 'AuditEvent.entity.what' && leaf.kind === 'reference-identifier') {
    return leaf.values.map(entityIdentifierSql);
  }
  if (inNoEvent.has(key)) return [];
  throw inexpressible(key);
}

/** Elements that no event of this server has. */
const inNoEvent: ReadonlySet<string> = new Set([
  'AuditEvent.source.observer',
  'AuditEvent.source.site',
  'AuditEvent.agent.purposeOfUse',
  'AuditEvent.entity.name',
]);

/** More than these are one condition. */
const mostAlternatives = 12;

function agentAlternatives(numbers: readonly number[]): Sql[] {
  if (numbers.length > mostAlternatives) return [sql`e.agent = any(${numbers}::int4[])`];
  return numbers.map((number) => sql`e.agent = ${number}::int4`);
}

function addressSql(mode: StringMode, values: readonly string[]): Sql {
  const compare = {
    starts: (value: string) => sql`starts_with(lower(e.address), ${value})`,
    exact: (value: string) => sql`e.address = ${value}`,
    contains: (value: string) => sql`strpos(lower(e.address), ${value}) > 0`,
  }[mode];
  return either(values.map(compare));
}

function missing(parameter: Parameter, known: Asked): Sql {
  if (parameter.paths.length === 0) throw inexpressible(`${parameter.name}:missing`);
  const present = parameter.paths.map((path) =>
    presentSql(path, agentKey({ kind: 'missing', parameter }, path), known),
  );
  return sql`((${either(present)}) is not true)`;
}

function presentSql(path: ParameterPath, agent: string, known: Asked): Sql {
  if (known.origin === 'external') return externalPresentSql(path);
  const { key } = path.path;
  if (isAgentPath(path)) return sql`e.agent = any(${known.agents.get(agent) ?? []}::int4[])`;
  if (inNoEvent.has(key)) return sql`false`;
  if (key === 'AuditEvent.agent.network.address') return sql`e.address <> ''`;
  if (key === 'AuditEvent.entity.role') {
    return sql`(e.entity_id is not null or e.patient is not null or e.detail ?| array['patients', 'query', 'further'])`;
  }
  if (key === 'AuditEvent.entity.what' && path.target === 'Patient') {
    return sql`(e.patient is not null or e.detail ? 'patients')`;
  }
  if (key === 'AuditEvent.purposeOfEvent') return sql`e.detail ? 'purposes'`;
  if (inEveryEvent.has(key) || /^AuditEvent\.(action|outcome|recorded|type|subtype|entity\.(what|type))$/.test(key))
    return sql`true`;
  throw inexpressible(`${key}:missing`);
}

function nameOf(condition: Condition): string {
  const [path] = 'paths' in condition ? condition.paths : [];
  return path === undefined ? condition.kind : `${path.path.key} as ${condition.kind}`;
}

function inexpressible(what: string): Error {
  return outcomeError('not-supported', `"${what}" cannot be asked of the audit log.`, { status: 400 });
}

/** Where some of the events are read from, in the order of time and id, and what is asked of them. */
export interface Branch {
  /** Rows `e` of audit_event, and `led` ones also `p`. */
  readonly from: Sql;
  /** The rows that an index delivers in order. */
  readonly ordered: Sql;
  readonly where: Sql;
}

/**
 * Branches that together are this condition under an access; no event is in two. Where nothing that is asked leads to an
 * index, what the access names may: a patient's own events are few of all.
 */
export function auditBranches(condition: Condition, access: Condition, given: Asked): Branch[] {
  const known = { ...given, bounded: isBounded(condition) };
  const parts = partsOf(condition);
  const allowed = auditAccessSql(access, given);
  const [split] = [...splitsOf(parts, known), ...grantedSplits(access, given)]
    .filter(({ found }) => found.length > 1 && found.length <= mostAlternatives)
    .sort((one, other) => rank(one.part) - rank(other.part));
  const { tenant } = known;
  const requests = parts.map((part) => requestsOf(part, known.origin)).find((found) => found !== undefined);
  if (requests !== undefined) {
    return [{ ...eventBranch(tenant, [auditSql(condition, known), allowed]), from: requestRows(tenant, requests) }];
  }
  if (split === undefined) return [eventBranch(tenant, [auditSql(condition, known), allowed])];
  const others = parts.filter((part) => part !== split.part);
  const rest = [...others.map((part) => auditSql(part, known)), allowed];
  const within = others
    .filter((part): part is Time => isTime(part, known.origin))
    .map((part) => timeSql(raw('p.time'), part));
  return split.found.map(({ where, led }, i) => {
    const before = split.found.slice(0, i).map((one) => sql`(${one.where}) is not true`);
    return led === undefined
      ? eventBranch(tenant, [where, ...before, ...rest])
      : ledBranch(tenant, led, [...within, ...before, ...rest]);
  });
}

/** The requests that a condition names. */
function requestsOf(condition: Condition, origin: Origin): readonly string[] | undefined {
  if (origin !== 'own' || condition.kind !== 'token') return undefined;
  if (!condition.paths.every(({ path }) => path.key === requestIds)) return undefined;
  return condition.values.every(isRequest) ? [...new Set(condition.values.map(({ code }) => code ?? ''))] : undefined;
}

/** What happened in these requests, by the index that PostgreSQL leaves aside (migrations/0027). */
function requestRows(tenant: number, requests: readonly string[]): Sql {
  return sql`(select e.* from unnest(${requests}::text[]) asked (request)
    cross join lateral audit_of_request(${tenant}, asked.request) e) e`;
}

function partsOf(condition: Condition): readonly Condition[] {
  return condition.kind === 'and' ? condition.parts : [condition];
}

interface Split {
  readonly part: Indexed;
  readonly found: readonly Alternative[];
}

function splitsOf(parts: readonly Condition[], known: Surroundings): Split[] {
  return parts
    .filter(isIndexed)
    .map((part) => ({ part, found: leavesOf(part).flatMap((leaf) => alternativesOf(leaf, known)) }));
}

/** What cannot be asked grants nothing, and leads nowhere. */
function grantedSplits(access: Condition, known: Asked): Split[] {
  return partsOf(access).flatMap((part) => {
    try {
      return splitsOf([part], { ...known, bounded: true });
    } catch (error) {
      if (error instanceof OutcomeError) return [];
      throw error;
    }
  });
}

function eventBranch(tenant: number, parts: readonly Sql[]): Branch {
  return { from: sql`audit_event e`, ordered: raw('e'), where: every([sql`e.tenant_id = ${tenant}`, ...parts]) };
}

/**
 * Each event by its key: left to itself PostgreSQL reads the log backwards and asks of every event whether it is among
 * those of the patient (52 ms at 500,000 events, 0.4 ms so).
 */
function ledBranch(tenant: number, { from, rest }: NonNullable<Alternative['led']>, parts: readonly Sql[]): Branch {
  const event = sql`select * from audit_event e where e.tenant_id = ${tenant} and e.time = p.time and e.id = p.id offset 0`;
  return { from: sql`${from} cross join lateral (${event}) e`, ordered: raw('p'), where: every([rest, ...parts]) };
}

/** Answered by ranges of an index: what an event is about, and who did it. `patient` asks for both. */
type Indexed = RowLeaf | { readonly kind: 'or'; readonly parts: readonly RowLeaf[] };

function isIndexed(condition: Condition): condition is Indexed {
  return condition.kind === 'or' ? condition.parts.every(isIndexedLeaf) : isIndexedLeaf(condition);
}

function isIndexedLeaf(condition: Condition): condition is RowLeaf {
  if (!isLeaf(condition)) return false;
  const { kind, paths } = condition;
  return paths.every((path) => isAgentPath(path) || (kind === 'reference' && isEntity(path)));
}

function isEntity({ path }: ParameterPath): boolean {
  return path.key === 'AuditEvent.entity.what';
}

function leavesOf(condition: Indexed): readonly RowLeaf[] {
  return condition.kind === 'or' ? condition.parts : [condition];
}

type Time = Extract<Condition, { kind: 'date' | 'updated' }>;

/** Conditions on the time that the log is ordered by. */
function isTime(condition: Condition, origin: Origin): condition is Time {
  return condition.kind === 'updated' || (condition.kind === 'date' && origin === 'own');
}

function timeSql(time: Sql, { values }: Time): Sql {
  return either(values.map((value) => updatedSql(time, value)));
}

/** What is likely to leave least comes first: one resource, a patient, a user. */
function rank(condition: Indexed): number {
  const paths = leavesOf(condition).flatMap((leaf) => leaf.paths);
  const about = paths.filter(isEntity);
  if (about.length === 0) return 2;
  return about.some(({ target }) => target === 'Patient') ? 1 : 0;
}
