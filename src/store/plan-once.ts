/**
 * The rest of a transaction with plans that are made once for each connection (pool.ts, `hot`): for statements that write a few
 * rows and are sent again and again. Left to itself PostgreSQL plans the write of a message's resources each time.
 */
import { tell, type Session } from './pool.ts';
import { sql } from './sql.ts';

export async function planOnce(session: Session): Promise<void> {
  await tell(session, sql`select set_config('plan_cache_mode', 'force_generic_plan', true)`);
}
