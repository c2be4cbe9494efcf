/** Launch contexts that an EMR made (table launch): known by the SHA-256 of their id alone, used once, within minutes. */
import type { Session } from './pool.ts';
import { sql } from './sql.ts';

export interface NewLaunch {
  /** SHA-256 of the launch id. */
  readonly id: Buffer;
  /** The only application that may use it. */
  readonly clientId?: string | undefined;
  readonly madeBy: string;
  /** JSON. */
  readonly context: string;
  readonly seconds: number;
}

export async function addLaunch(session: Session, launch: NewLaunch): Promise<void> {
  const { id, clientId = null, madeBy, context, seconds } = launch;
  await session.query(sql`insert into launch (tenant_id, id, client_id, made_by, context, expires)
    values (${session.tenant}, ${id}, ${clientId}, ${madeBy}, ${context},
      clock_timestamp() + make_interval(secs => ${seconds}))`);
}

/** The context, where this application may still use the launch. */
export async function findLaunch(session: Session, id: Buffer, clientId: string): Promise<string | undefined> {
  const [row] = await session.query<{ context: string }>(sql`select context from launch
    where tenant_id = ${session.tenant} and id = ${id} and used is null and expires > clock_timestamp()
      and (client_id is null or client_id = ${clientId})`);
  return row?.context;
}

/** Uses the launch: of two that try at once, one gets its context. */
export async function takeLaunch(session: Session, id: Buffer, clientId: string): Promise<string | undefined> {
  const [row] = await session.query<{ context: string }>(sql`update launch set used = clock_timestamp()
    where tenant_id = ${session.tenant} and id = ${id} and used is null
      and expires > clock_timestamp() - interval '15 minutes'
      and (client_id is null or client_id = ${clientId})
    returning context`);
  return row?.context;
}
