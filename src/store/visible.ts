/** Which of these resources, as they are now, a caller may see or change. */
import { typeName } from '../fhir/resource-types.ts';
import { none, type Access, type Condition } from '../search/ast.ts';
import { visibleSql } from '../search/compile-condition.ts';
import { makeScope } from '../search/scope.ts';
import type { Batching } from './combine.ts';
import type { Session, Statement } from './pool.ts';
import { storedColumns, storedFromRow, type Key, type Stored, type StoredRow } from './read.ts';
import { raw, render, sql } from './sql.ts';

/** A resource by our own number, and its type. */
export interface Numbered {
  readonly rid: string;
  readonly type: number;
}

/** The numbers of those that are live and meet the access to their type. */
export async function visibleRids(
  session: Session,
  resources: readonly Numbered[],
  access: Access,
): Promise<Set<string>> {
  if (resources.length === 0) return new Set();
  const types = [...new Set(resources.map(({ type }) => typeName(type)))];
  const rows = await session.query<{ rid: string }>(sql`
    select r.rid from resource r
    where r.tenant_id = ${session.tenant} and r.rid = any(${resources.map(({ rid }) => rid)}::int8[]) and not r.deleted
      and (${visibleSql(types, raw('r'), makeScope(session.tenant, access, { probing: true, named: true }))})`);
  return new Set(rows.map(({ rid }) => rid));
}

/** Those of the keys that are of live resources which meet the access. */
export async function visibleKeys(session: Session, keys: readonly Key[], access: Access): Promise<Key[]> {
  if (keys.length === 0) return [];
  const types = [...new Set(keys.map(({ type }) => typeName(type)))];
  const rows = await session.query<{ type: number; fhir_id: string }>(sql`
    select r.type, r.fhir_id
    from unnest(${keys.map(({ type }) => type)}::int2[], ${keys.map(({ id }) => id)}::text[]) as k(type, fhir_id)
    join resource r on r.tenant_id = ${session.tenant} and r.type = k.type and r.fhir_id = k.fhir_id
    where not r.deleted and (${visibleSql(types, raw('r'), makeScope(session.tenant, access, { probing: true, named: true }))})`);
  return rows.map((row) => ({ type: row.type, id: row.fhir_id }));
}

/** What runs ready statements. */
export interface Planned {
  readonly tenant: number;
  query<Row>(statement: Statement): Promise<Row[]>;
}

/**
 * Ready statements, each alone, but no more of a tenant at once than there are lanes (combine.ts): they go where
 * statements are planned once, and where one tenant must not take all connections.
 */
export const readyStatements: Batching<Statement, readonly unknown[]> = {
  key: () => undefined,
  statement: (_, [only]) => only ?? { text: '', values: [] },
  results: (rows) => [rows],
  lanes: 3,
  most: 1,
};

/** The current version, and whether it is live and meets the access. */
export async function readVisible(
  session: Planned,
  key: Key,
  access: Access,
): Promise<{ stored: Stored; visible: boolean } | undefined> {
  const [row] = await session.query<StoredRow & { visible: boolean }>(visibleStatement(session.tenant, key, access));
  return row && { stored: storedFromRow(row), visible: row.visible };
}

interface Made {
  readonly tenant: number;
  readonly text: string;
  /** Without type and id, which come last. */
  readonly values: readonly unknown[];
}

/** Statements of single reads: making one for 30 filters takes 0.3 ms, and a caller reads again and again. */
const made = new WeakMap<Condition, Map<number, Made>>();

/** As a ready text, so that it can be planned once for each connection. */
function visibleStatement(tenant: number, { type, id }: Key, access: Access): Statement {
  const condition = access(typeName(type)) ?? none;
  // One condition may hold for many types.
  const ofType = made.get(condition) ?? new Map<number, Made>();
  made.set(condition, ofType);
  const known = ofType.get(type);
  const statement = known?.tenant === tenant ? known : makeStatement(tenant, typeName(type), access);
  ofType.set(type, statement);
  return { text: statement.text, values: [...statement.values, type, id] };
}

function makeStatement(tenant: number, type: string, access: Access): Made {
  const visible = visibleSql([type], raw('r'), makeScope(tenant, access, { probing: true, named: true }));
  const { text, values } = render(sql`
    select ${storedColumns}, not r.deleted and (${visible}) as visible
    from resource r join resource_version v on v.tenant_id = r.tenant_id and v.rid = r.rid and v.ver = r.ver
    where r.tenant_id = ${tenant}`);
  const next = values.length + 1;
  return { tenant, text: `${text} and r.type = $${next} and r.fhir_id = $${next + 1}`, values };
}
