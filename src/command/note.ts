/**
 * The event of a command: who runs the machine leaves traces in the laboratory's log like everybody else. A change and its
 * event are one transaction.
 */
import { userInfo } from 'node:os';
import type { Administration } from '../accounts/administration.ts';
import { thing, type SecurityEvent } from '../audit/security.ts';
import type { JsonObject } from '../fhir/json.ts';
import { announce, announceWithin } from '../interactions/announce.ts';
import { combinedEvents } from '../store/audit.ts';
import { agentNumbers } from '../store/audit-agents.ts';
import { makeCombiner } from '../store/combine.ts';
import type { Database, Operator, Session } from '../store/pool.ts';
import type { Tenant } from '../store/tenants.ts';

export interface Noted extends Pick<SecurityEvent, 'kind'> {
  /** The command as it is written: `makhbar user add`. */
  readonly deed: `makhbar ${string}`;
}

function operatorsEvent(noted: Noted, further: readonly JsonObject[]): SecurityEvent {
  return { ...noted, further, agent: { subject: 'operator', client: 'makhbar', name: userInfo().username } };
}

/** Of a command that changes nothing in the database. */
export async function noteCommand(
  database: Database,
  tenant: { readonly id: number },
  noted: Noted,
  further: readonly JsonObject[] = [],
): Promise<void> {
  const announcing = { events: makeCombiner(database, combinedEvents), agentNumber: agentNumbers(database) };
  await announce(announcing, tenant, operatorsEvent(noted, further));
}

/** Runs what a command changes in a laboratory; `further` tells what that was. */
export function noting<T>(
  database: Database,
  tenant: { readonly id: number },
  noted: Noted,
  change: { work: (session: Session) => Promise<T>; further: (done: T) => readonly JsonObject[] },
): Promise<T> {
  return database.transaction(tenant.id, async (session) => {
    const done = await change.work(session);
    await announceWithin(session, operatorsEvent(noted, change.further(done)));
    return done;
  });
}

/** Runs what a command changes of a laboratory itself. */
export function notingTenant(
  database: Database,
  noted: Noted,
  change: (operator: Pick<Operator, 'operator'>) => Promise<Tenant>,
  further = ({ name }: Tenant): JsonObject => thing('laboratory', name),
): Promise<Tenant> {
  return database.operating(async (operator) => {
    const tenant = await change(operator);
    await announceWithin(await operator.become(tenant.id), operatorsEvent(noted, [further(tenant)]));
    return tenant;
  });
}

/** The operator as an administrator whose every change is this command. */
export function administrationBy(database: Database, tenant: { readonly id: number }, noted: Noted): Administration {
  return {
    transaction: (work, changed) =>
      noting(database, tenant, noted, {
        work,
        further: (done) => {
          const { kind, id } = changed(done);
          return [thing(kind, id)];
        },
      }),
    tenant: tenant.id,
    by: 'operator',
    now: Date.now(),
  };
}
