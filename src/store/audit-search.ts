/** Searching the audit log and reading an event of it: a page in the order of time and id, or the number of events. */
import type { AuditRecord } from '../audit/record.ts';
import { typeNumber } from '../fhir/resource-types.ts';
import { agentQuestions, mostAgents, tooManyAgents } from '../search/audit-agents.ts';
import { entitiesOf, entityKey, type Patients } from '../search/audit-entity.ts';
import {
  auditAccessSql,
  auditBranches,
  idSql,
  withoutCompartments,
  type Branch,
  type Known,
  type Origin,
} from '../search/compile-audit.ts';
import type { Access, Condition, ReferenceValue } from '../search/ast.ts';
import { withoutChains } from './audit-chains.ts';
import { eventColumns, recordFromRow, type EventRow } from './audit-read.ts';
import type { Session } from './pool.ts';
import { join, raw, sql, type Sql } from './sql.ts';

export interface EventSearch {
  readonly condition: Condition;
  /** What the caller may see of the log. */
  readonly access: Condition;
  /** What the caller may see of the resources that chains lead through. */
  readonly seen: Access;
}

/** An event as a place in the order. */
export interface EventPosition {
  readonly direction: 'next' | 'previous';
  /** As PostgreSQL writes it, or as an instant. */
  readonly time: string;
  readonly id: string;
}

export interface EventPageAsked {
  readonly newestFirst: boolean;
  readonly count: number;
  readonly position: EventPosition | undefined;
}

export interface EventPage {
  readonly records: readonly AuditRecord[];
  readonly next: EventPosition | undefined;
  readonly previous: EventPosition | undefined;
}

/** One page. */
export async function searchEvents(session: Session, search: EventSearch, asked: EventPageAsked): Promise<EventPage> {
  const branches = await branchesOf(session, search);
  const backwards = asked.position?.direction === 'previous';
  const order = asked.newestFirst === backwards ? raw('asc') : raw('desc');
  const limit = asked.count + 1;
  const parts = branches.map(({ from, where, ordered: row }) => {
    const after = positionSql(asked.position, asked.newestFirst === backwards, row);
    return sql`(select e.* from ${from} where ${where}${after} order by ${row}.time ${order}, ${row}.id ${order} limit ${limit})`;
  });
  const rows = await session.query<EventRow>(sql`select ${eventColumns} from (${join(parts, ' union all ')}) e
    join audit_agent a on a.tenant_id = ${session.tenant} and a.agent = e.agent
    order by e.time ${order}, e.id ${order} limit ${limit}`);
  return cut(rows, asked);
}

function positionSql(position: EventPosition | undefined, ascending: boolean, row: Sql): Sql {
  if (position === undefined) return sql``;
  const operator = ascending ? raw('>') : raw('<');
  return sql` and (${row}.time, ${row}.id) ${operator} (${position.time}::timestamptz, ${position.id}::uuid)`;
}

/** One row more than was asked for tells whether there is another page. */
function cut(rows: readonly EventRow[], { count, position }: EventPageAsked): EventPage {
  const more = rows.length > count;
  const page = rows.slice(0, count);
  const backwards = position?.direction === 'previous';
  if (backwards) page.reverse();
  const at = (direction: 'next' | 'previous', row: EventRow | undefined): EventPosition | undefined =>
    row && { direction, time: row.time, id: row.id };
  return {
    records: page.map(recordFromRow),
    next: backwards || more ? at('next', page.at(-1)) : undefined,
    previous: (backwards ? more : position !== undefined) ? at('previous', page[0]) : undefined,
  };
}

export async function countEvents(session: Session, search: EventSearch): Promise<number> {
  const branches = await branchesOf(session, search);
  const parts = branches.map(({ from, where }) => sql`select from ${from} where ${where}`);
  const [row] = await session.query<{ count: string }>(sql`select count(*) from (${join(parts, ' union all ')}) found`);
  return Number(row?.count ?? 0);
}

/** The rows of audit_event that are found, as a statement `e` can stand for: what reports are counted of. */
export async function foundEvents(session: Session, search: EventSearch): Promise<Sql> {
  const branches = await branchesOf(session, search);
  return join(
    branches.map(({ from, where }) => sql`select e.* from ${from} where ${where}`),
    ' union all ',
  );
}

/** One event, where the access lets it through. */
export async function readEvent(session: Session, id: string, access: Condition): Promise<AuditRecord | undefined> {
  const seen = withoutCompartments(access);
  const known = await lookUp(session, seen);
  const allowed = join(
    origins.map((origin) => sql`(${ofOrigin(origin)} and ${auditAccessSql(seen, { ...known, origin })})`),
    ' or ',
  );
  const [row] = await session.query<EventRow>(sql`select ${eventColumns} from audit_event e
    join audit_agent a on a.tenant_id = e.tenant_id and a.agent = e.agent
    where e.tenant_id = ${session.tenant} and ${idSql(id)} and (${allowed})`);
  return row && recordFromRow(row);
}

async function branchesOf(session: Session, search: EventSearch): Promise<Branch[]> {
  const condition = withoutCompartments(await withoutChains(session, search.condition, search.seen));
  const access = withoutCompartments(search.access);
  const known = await lookUp(session, condition, access);
  const branches = (origin: Origin, asked: Sql): Branch[] =>
    auditBranches(condition, access, { ...known, origin }).map((branch) => ({
      ...branch,
      where: sql`${branch.where} and ${asked}`,
    }));
  if (!(await hasExternal(session))) return branches('own', sql`true`);
  return origins.flatMap((origin) => branches(origin, ofOrigin(origin)));
}

const origins: readonly Origin[] = ['own', 'external'];

function ofOrigin(origin: Origin): Sql {
  return origin === 'own' ? sql`e.recorded is null` : sql`e.recorded is not null`;
}

/** Most laboratories have none, and their searches are spared the second half. */
export async function hasExternal(session: Session): Promise<boolean> {
  const [row] = await session.query<{ found: boolean }>(sql`select exists (select from audit_event
    where tenant_id = ${session.tenant} and recorded is not null) as found`);
  return row?.found === true;
}

async function lookUp(session: Session, ...conditions: readonly Condition[]): Promise<Known> {
  const agents = new Map<string, readonly number[]>();
  for (const [key, question] of conditions.flatMap((condition) => [...agentQuestions(condition)])) {
    if (!agents.has(key)) agents.set(key, await agentsThat(session, question));
  }
  const patients = await patientsOf(session, conditions.flatMap(entitiesOf));
  return { tenant: session.tenant, agents, patients };
}

async function agentsThat(session: Session, question: Sql): Promise<number[]> {
  const rows = await session.query<{ agent: number }>(sql`select a.agent from audit_agent a
    where a.tenant_id = ${session.tenant} and ${question} order by a.agent limit ${mostAgents + 1}`);
  if (rows.length > mostAgents) throw tooManyAgents();
  return rows.map(({ agent }) => agent);
}

/** Whom resources are about, and were when they were written or shown; one of which nothing is known has no entry. */
async function patientsOf(session: Session, values: readonly ReferenceValue[]): Promise<Patients> {
  if (values.length === 0) return new Map();
  const types = values.map(({ type }) => (typeof type === 'string' ? (typeNumber(type) ?? -1) : null));
  const ids = values.map(({ id }) => id);
  const rows = await session.query<{ place: number; patient: string | null }>(sql`
    select v.place::int4, x.patient
    from unnest(${types}::int2[], ${ids}::text[]) with ordinality v(type, id, place)
    cross join lateral (
      select r.patient from resource r
        where r.tenant_id = ${session.tenant} and r.fhir_id = v.id and (v.type is null or r.type = v.type)
      union
      select e.patient from audit_event e
        where e.tenant_id = ${session.tenant} and e.entity_id = v.id and (v.type is null or e.entity_type = v.type)
          and e.patient is not null
    ) x`);
  const found = new Map<string, string[]>();
  for (const { place, patient } of rows) {
    const key = entityKey(values[place - 1] as ReferenceValue);
    found.set(key, [...(found.get(key) ?? []), ...(patient === null ? [] : [patient])]);
  }
  return found;
}
