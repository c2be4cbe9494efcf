/** What apps keep here for themselves (table app_state). */
import { randomUUID } from 'node:crypto';
import { instantText, type Session } from './pool.ts';
import { sql } from './sql.ts';

/** The code of an app's own, and whom the state is about; '' for nobody. */
export interface StateKey {
  readonly system: string;
  readonly code: string;
  readonly subject: string;
}

export interface AppState extends StateKey {
  readonly id: string;
  readonly version: number;
  /** JSON text of the Basic, without id and meta. */
  readonly content: string;
  /** FHIR instant. */
  readonly changed: string;
}

interface Row extends StateKey {
  state_id: string;
  ver: number;
  content: string;
  changed: string;
}

const columns = sql`state_id, system, code, subject, ver, content, changed`;

function fromRow({ state_id: id, ver: version, changed, ...rest }: Row): AppState {
  return { id, version, changed: instantText(changed), ...rest };
}

/** In a transaction; undefined where there are `most` of this key already. */
export async function addState(
  session: Session,
  key: StateKey,
  { content, madeBy, most }: { content: string; madeBy: string; most: number },
): Promise<AppState | undefined> {
  const { tenant } = session;
  // Of those that come at once each would see the others not.
  await session.query(sql`select pg_advisory_xact_lock(hashtextextended(
    ${JSON.stringify(['app_state', key.system, key.code, key.subject])}, ${tenant}::int8))`);
  const [row] = await session.query<Row>(sql`
    insert into app_state (tenant_id, state_id, system, code, subject, content, made_by)
    select ${tenant}, ${randomUUID()}, ${key.system}, ${key.code}, ${key.subject}, ${content}, ${madeBy}
      where (select count(*) from app_state where tenant_id = ${tenant} and system = ${key.system}
        and code = ${key.code} and subject = ${key.subject}) < ${most}
    returning ${columns}`);
  return row && fromRow(row);
}

export async function readState(session: Session, id: string): Promise<AppState | undefined> {
  const [row] = await session.query<Row>(
    sql`select ${columns} from app_state where tenant_id = ${session.tenant} and state_id = ${id}`,
  );
  return row && fromRow(row);
}

export async function findStates(session: Session, key: StateKey): Promise<AppState[]> {
  const rows = await session.query<Row>(sql`select ${columns} from app_state
    where tenant_id = ${session.tenant} and system = ${key.system} and code = ${key.code}
      and subject = ${key.subject} order by changed, state_id limit 1000`);
  return rows.map(fromRow);
}

/** Undefined where the version is another by now. */
export async function changeState(
  session: Session,
  { id, version }: { id: string; version: number },
  content: string,
): Promise<AppState | undefined> {
  const [row] = await session.query<Row>(sql`update app_state
    set content = ${content}, ver = ver + 1, changed = clock_timestamp()
    where tenant_id = ${session.tenant} and state_id = ${id} and ver = ${version} returning ${columns}`);
  return row && fromRow(row);
}

/** Whether it was there in this version. */
export async function deleteState(
  session: Session,
  { id, version }: { id: string; version: number },
): Promise<boolean> {
  const rows = await session.query(sql`delete from app_state
    where tenant_id = ${session.tenant} and state_id = ${id} and ver = ${version} returning 1`);
  return rows.length > 0;
}
