/** Stores the event of something that is no interaction (src/audit/security.ts): by itself, or with what it tells. */
import type { Agent } from '../audit/record.ts';
import type { SecurityEvent } from '../audit/security.ts';
import type { Server } from '../request.ts';
import { addEvents } from '../store/audit.ts';
import { agentWithin } from '../store/audit-agents.ts';
import { isRetried } from '../store/errors.ts';
import type { Session } from '../store/pool.ts';
import { entryOf, notRefused, type Event } from './audited.ts';
import { newId } from './new-id.ts';

export type Announcing = Pick<Server, 'events' | 'agentNumber'>;

/** @throws OutcomeError `transient` (503) where it cannot be stored. */
export async function announce(
  { events, agentNumber }: Announcing,
  { id: tenant }: { readonly id: number },
  event: SecurityEvent,
): Promise<void> {
  const record = eventRecord(event);
  await notRefused(async () => {
    const agent = await agentNumber(tenant, JSON.stringify(agentOf(event)));
    await events.submit(tenant, entryOf(record, agent));
  });
}

/**
 * The same as the last deed of a transaction that does what it tells.
 * @throws OutcomeError `transient`, or what makes the transaction run again
 */
export async function announceWithin(session: Session, event: SecurityEvent): Promise<void> {
  try {
    const agent = await agentWithin(session, JSON.stringify(agentOf(event)));
    await session.query(addEvents(session.tenant, [entryOf(eventRecord(event), agent)]));
  } catch (error) {
    if (isRetried(error)) throw error;
    await notRefused(() => Promise.reject(error));
  }
}

/** For the events of a transaction whose caller is who did it. */
export function eventRecord({
  kind,
  outcome = 0,
  reason,
  deed,
  address,
  requestId,
  patients,
  further,
}: SecurityEvent): Event {
  const now = Date.now();
  const id = newId(now);
  return {
    id,
    time: now,
    kind,
    outcome,
    ...(reason !== undefined && { reason }),
    ...(deed !== undefined && { deed }),
    address: address ?? '',
    purposes: [],
    requestId: requestId ?? id,
    touched: [],
    patients: patients ?? [],
    ...(further !== undefined && { further }),
  };
}

/** Its members always in the same order: the text is what is looked up. */
function agentOf({ agent = {} }: SecurityEvent): Agent {
  const { subject = '', client = '', roles = [], fhirUser, name } = agent;
  return {
    subject,
    client,
    roles,
    ...(fhirUser !== undefined && { fhirUser }),
    ...(name !== undefined && { name }),
  };
}
