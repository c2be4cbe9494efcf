/** Messages that a peer has accepted and is to say more of (enhanced mode), and has not for too long. */
import { fromRow, messageColumns, type MessageRow, type StoredMessage } from './messages.ts';
import type { Database, Session } from './pool.ts';
import { sql } from './sql.ts';

export interface Overdue {
  readonly tenant: number;
  readonly interface: string;
  readonly id: string;
}

/** Of all laboratories, the oldest first (index message_accepted). */
export async function overdueAnswers(database: Database, seconds: number, most: number): Promise<Overdue[]> {
  return await database.operator(sql`select m.tenant_id as tenant, m.interface, m.id from message m
    where m.direction = 'out' and m.status = 'accepted'
      and m.finished < clock_timestamp() - make_interval(secs => ${seconds}::int4)
    order by m.finished limit ${most}`);
}

/** Locked until the end of the transaction; undefined where the peer has answered, or another process is at it. */
export async function lockAwaited(session: Session, id: string): Promise<StoredMessage | undefined> {
  const [row] = await session.query<MessageRow>(sql`select ${messageColumns} from message m
    where m.tenant_id = ${session.tenant} and m.id = ${id} and m.direction = 'out' and m.status = 'accepted'
    for no key update skip locked`);
  return row && fromRow(row);
}

/** @returns whether the queue stalls from now on: until the next message is taken */
export async function stallQueue(session: Session, name: string, sentence: string): Promise<boolean> {
  const rows = await session.query(sql`update outbound_queue set stalled = clock_timestamp(), failure = ${sentence}
    where tenant_id = ${session.tenant} and interface = ${name} and stalled is null returning 1`);
  return rows.length > 0;
}
