/**
 * Laboratories that leave (table departure), and the deletion of all their rows.
 *
 * 1. Which tables there are, and in which order they can be emptied, the catalogue of PostgreSQL says: a table that a later
 *    migration adds is not forgotten.
 * 2. makhbar_app may not delete from many of them. Each transaction grants it that, deletes under row level security as the
 *    one laboratory, and takes the grant back before it commits: no other session ever sees it, and no statement can touch
 *    another laboratory's rows, not even a wrong one.
 */
import type { JsonObject } from '../fhir/json.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { instantText, type Database } from './pool.ts';
import { raw, sql, type Sql } from './sql.ts';

export type DepartureState = 'announced' | 'deleting' | 'deleted';

export interface Departure {
  readonly laboratory: number;
  readonly name: string;
  readonly asked: string;
  readonly by: string;
  readonly windowEnds: string;
  /** The window is over. */
  readonly due: boolean;
  readonly state: DepartureState;
  readonly before: JsonObject | undefined;
  readonly certificate: string | undefined;
  readonly signature: string | undefined;
}

interface Row {
  laboratory: number;
  name: string;
  asked: string;
  asked_by: string;
  window_ends: string;
  due: boolean;
  state: DepartureState;
  before: string | null;
  certificate: string | null;
  signature: string | null;
}

const columns = sql`laboratory, name, asked, asked_by, window_ends, window_ends <= clock_timestamp() as due, state, before,
  certificate, signature`;

function fromRow(row: Row): Departure {
  const { laboratory, name, asked, asked_by: by, window_ends: windowEnds, due, state, before, ...signed } = row;
  return {
    laboratory,
    name,
    asked: instantText(asked),
    by,
    windowEnds: instantText(windowEnds),
    due,
    state,
    before: before === null ? undefined : (JSON.parse(before) as JsonObject),
    certificate: signed.certificate ?? undefined,
    signature: signed.signature ?? undefined,
  };
}

type Operating = Pick<Database, 'operator'>;

/** @throws OutcomeError `duplicate` where it leaves already */
export async function announceDeparture(
  { operator }: Operating,
  { id, name }: { readonly id: number; readonly name: string },
  { by, days }: { readonly by: string; readonly days: number },
): Promise<Departure> {
  const [row] = await operator<Row>(sql`
    insert into departure (laboratory, name, asked_by, window_ends)
    values (${id}, ${name}, ${by}, clock_timestamp() + make_interval(days => ${days}::int4))
    on conflict (laboratory) do nothing returning ${columns}`);
  if (row === undefined) throw outcomeError('duplicate', `The departure of ${name} is announced already.`);
  return fromRow(row);
}

/** @throws OutcomeError `conflict` where none is announced, or the deletion has begun */
export async function cancelDeparture({ operator }: Operating, name: string): Promise<Departure> {
  const [row] = await operator<Row>(sql`
    delete from departure where name = ${name} and state = 'announced' returning ${columns}`);
  if (row === undefined) {
    throw outcomeError(
      'conflict',
      `No departure of ${name} is announced that could be cancelled; once deletion has begun none can.`,
    );
  }
  return fromRow(row);
}

/** The newest of the name: a name can be used again once its laboratory has left. */
export async function findDeparture({ operator }: Operating, name: string): Promise<Departure | undefined> {
  const [row] = await operator<Row>(sql`
    select ${columns} from departure where name = ${name} order by laboratory desc limit 1`);
  return row && fromRow(row);
}

/** Days before the end of the window on which is reminded of it. */
const reminders: readonly number[] = [14, 7, 3, 1];

/** A departure of which is to be reminded, noted as done: one process does it. */
export async function nextReminder({ operator }: Operating): Promise<Departure | undefined> {
  const [row] = await operator<Row>(sql`
    update departure set reminded = due.days
    from (select d.laboratory as number, min(k.days) as days from departure d
      join unnest(${reminders}::int4[]) as k(days) on d.window_ends <= clock_timestamp() + make_interval(days => k.days)
      where d.state = 'announced' and (d.reminded is null or d.reminded > k.days)
      group by d.laboratory order by d.laboratory limit 1) due
    where laboratory = due.number and (reminded is null or reminded > due.days)
    returning ${columns}`);
  return row && fromRow(row);
}

/** Those whose window is over and of which something may be left. */
export async function dueDepartures({ operator }: Operating): Promise<Departure[]> {
  const rows = await operator<Row>(sql`select ${columns} from departure
    where state <> 'deleted' and window_ends <= clock_timestamp() order by laboratory`);
  return rows.map(fromRow);
}

/** By their numbers. */
export async function departedLaboratories({ operator }: Operating): Promise<number[]> {
  const rows = await operator<{ laboratory: number }>(sql`
    select laboratory from departure where state = 'deleted' order by laboratory`);
  return rows.map(({ laboratory }) => laboratory);
}

/** From here on there is no way back. What was counted before stays, where a deletion goes on. */
export async function beginDeletion({ operator }: Operating, laboratory: number, before: JsonObject): Promise<void> {
  await operator(sql`
    update departure set state = 'deleting', before = coalesce(before, ${JSON.stringify(before)}::jsonb)
    where laboratory = ${laboratory} and state in ('announced', 'deleting')`);
}

export async function endDeletion(
  { operator }: Operating,
  laboratory: number,
  signed: { readonly certificate: string; readonly signature: string },
): Promise<void> {
  await operator(sql`
    update departure set state = 'deleted', certificate = ${signed.certificate}, signature = ${signed.signature}
    where laboratory = ${laboratory} and state = 'deleting'`);
}

/** The tables that have rows of laboratories, each before those that it refers to; the list of laboratories is apart. */
export async function tenantTables({ operator }: Operating): Promise<string[]> {
  const tables = await operator<{ name: string; refers: string[] }>(sql`
    select c.relname as name, array(select distinct f.relname::text from pg_constraint k join pg_class f on f.oid = k.confrelid
      where k.conrelid = c.oid and k.contype = 'f' and k.confrelid <> c.oid) as refers
    from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
    where c.relkind in ('r', 'p') and not c.relispartition and c.relname <> 'tenant'
      and c.relnamespace = (select relnamespace from pg_class where oid = 'tenant'::regclass)
    order by 1`);
  const ordered: string[] = [];
  for (let left = tables; left.length > 0;) {
    const free = left.filter(({ name }) => !left.some((other) => other.name !== name && other.refers.includes(name)));
    if (free.length === 0) throw new Error(`Tables refer to each other: ${left.map(({ name }) => name).join(', ')}.`);
    ordered.push(...free.map(({ name }) => name));
    left = left.filter((table) => !free.includes(table));
  }
  return ordered;
}

/** Rows of a laboratory, as its own application sees them. */
export async function countRows(database: Database, laboratory: number, table: string): Promise<number> {
  const [row] = await database.query<{ count: string }>(
    laboratory,
    sql`select count(*) as count from ${named(table)} where tenant_id = ${laboratory}`,
  );
  return Number(row?.count ?? 0);
}

/** Rows of one transaction. */
const most = 20_000;

/** Returns how many went; less than there are may go at a time. */
export async function deleteRows(database: Database, laboratory: number, table: string): Promise<number> {
  return database.operating(async (operator) => {
    const [may] = await operator.operator<{ may: boolean }>(
      sql`select has_table_privilege('makhbar_app', ${table}, 'delete') as may`,
    );
    const lacking = may?.may !== true;
    // Two grants at a time on one table would fail.
    if (lacking) await operator.operator(sql`select pg_advisory_xact_lock(hashtextextended('departure', 0))`);
    if (lacking) await operator.operator(sql`grant delete on ${named(table)} to makhbar_app`);
    const session = await operator.become(laboratory);
    const rows = await session.query<{ count: string }>(sql`
      with gone as (delete from ${named(table)} t where t.tenant_id = ${laboratory} and (t.tableoid, t.ctid) in (
        select s.tableoid, s.ctid from ${named(table)} s where s.tenant_id = ${laboratory} limit ${most}) returning 1)
      select count(*) as count from gone`);
    await session.query(sql`reset role`);
    if (lacking) await operator.operator(sql`revoke delete on ${named(table)} from makhbar_app`);
    return Number(rows[0]?.count ?? 0);
  });
}

/** A table of the catalogue. */
function named(table: string): Sql {
  if (!/^[a-z_]{1,63}$/.test(table)) throw new RangeError(`"${table.slice(0, 63)}" is no table of ours.`);
  return raw(table);
}

/** The laboratory itself: from here on nobody can find it, and its name is free. */
export async function deleteTenant({ operator }: Operating, laboratory: number): Promise<void> {
  await operator(sql`delete from tenant where tenant_id = ${laboratory}`);
}
