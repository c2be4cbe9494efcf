/**
 * Tickets: links that an administrator hands over (table account_ticket).
 *
 * 1. A ticket is 256 random bits and stored as SHA-256 only: it is known once, to whom it was made for.
 * 2. It is good once and until it expires; a new one of an account takes the place of those before.
 */
import { createHash, randomBytes } from 'node:crypto';
import { instant } from './accounts.ts';
import { instantText, type Session } from './pool.ts';
import { sql } from './sql.ts';

export type TicketKind = 'invitation' | 'reset';

export interface NewTicket {
  readonly account: string;
  readonly kind: TicketKind;
  readonly by: string;
  readonly now: number;
  /** Milliseconds. */
  readonly lifetime: number;
}

export interface Ticket {
  readonly account: string;
  readonly kind: TicketKind;
  /** FHIR instant. */
  readonly expires: string;
}

interface Row {
  account_id: string;
  kind: TicketKind;
  expires: string;
}

/** Makes one; @returns the text that opens it. */
export async function makeTicket(session: Session, ticket: NewTicket): Promise<string> {
  const secret = randomBytes(32).toString('base64url');
  await dropTickets(session, ticket.account);
  await session.query(sql`insert into account_ticket (tenant_id, hash, account_id, kind, created, created_by, expires)
    values (${session.tenant}, ${hashOf(secret)}, ${ticket.account}, ${ticket.kind}, ${instant(ticket.now)},
      ${ticket.by}, ${instant(ticket.now + ticket.lifetime)})`);
  return secret;
}

/** What a ticket is for, without using it up. */
export async function readTicket(session: Session, secret: string, now: number): Promise<Ticket | undefined> {
  const [row] = await session.query<Row>(sql`select account_id, kind, expires from account_ticket
    where tenant_id = ${session.tenant} and hash = ${hashOf(secret)} and expires > ${instant(now)}`);
  return row && fromRow(row);
}

/** Uses a ticket up; undefined where it is unknown, used or expired. */
export async function useTicket(session: Session, secret: string, now: number): Promise<Ticket | undefined> {
  const [row] = await session.query<Row>(sql`delete from account_ticket
    where tenant_id = ${session.tenant} and hash = ${hashOf(secret)} and expires > ${instant(now)}
    returning account_id, kind, expires`);
  return row && fromRow(row);
}

export async function dropTickets(session: Session, account: string): Promise<void> {
  await session.query(sql`delete from account_ticket where tenant_id = ${session.tenant} and account_id = ${account}`);
}

function fromRow({ account_id: account, kind, expires }: Row): Ticket {
  return { account, kind, expires: instantText(expires) };
}

function hashOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}
