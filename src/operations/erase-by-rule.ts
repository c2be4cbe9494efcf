/**
 * The erasure of a patient by a rule of retention (src/retention/clinical.ts): the same as $erase without `keep`, with the
 * server itself as its agent. Its event names the run.
 */
import { operatorCaller } from '../access/caller.ts';
import { parseScopes } from '../access/scopes.ts';
import { thing } from '../audit/security.ts';
import { newId } from '../interactions/new-id.ts';
import { newTrail } from '../interactions/trail.ts';
import type { Context } from '../request.ts';
import type { RuledErasure } from '../retention/holding.ts';
import { unmarkIfNone } from '../store/restriction.ts';
import { carryOut, lookThrough } from './erase-carry-out.ts';
import { keepingOf } from './erase-keep.ts';
import { subjectNamed } from './erase.ts';

export type Place = Pick<Context, 'server' | 'tenant' | 'session' | 'base' | 'door'>;

/** Stops the transaction of an erasure that may not be after all. */
class NotPermitted extends Error {}

const agent = operatorCaller({ subject: 'makhbar', client: 'makhbar', scopes: parseScopes('system/*.cruds') });

export async function eraseByRule(place: Place, patient: string, given: RuledErasure): Promise<void> {
  const { reason, rule, run, permitted } = given;
  const context = contextOf(place, patient);
  const keeping = { ...keepingOf([], undefined), rule };
  const subject = await subjectNamed(context, patient);
  const found = await lookThrough(context, subject, keeping);
  try {
    await carryOut(context, { reason, keeping, subject, found, by: agent.client }, async (inside, { erased }) => {
      const rids = erased.map(({ rid }) => rid);
      if (!(await permitted(inside.session, rids))) throw new NotPermitted();
      inside.trail.further.push(thing('setting', run));
    });
    await unmarkIfNone(place.server.database, place.tenant.id);
  } catch (error) {
    if (!(error instanceof NotPermitted)) throw error;
  }
}

function contextOf(place: Place, patient: string): Context {
  const about = { type: 'Patient', id: patient };
  const trail = newTrail({ kind: 'patient-erased', deed: 'apply-retention', about, patient });
  return { ...place, caller: agent, requestId: newId(Date.now()), address: '', trail, inTransaction: false };
}
