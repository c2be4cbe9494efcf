/**
 * A run of retention: it is announced first (what would go, by category), and carried out later.
 *
 * 1. Nothing goes that was not announced: what is removed is before the moment that the announcement said, even where the
 *    rule would allow more by now.
 * 2. Rules and holds count as they are when something goes: a longer period, or a hold, since the announcement holds back.
 * 3. A run goes on where it was when a process dies, and each piece is removed and counted in one transaction.
 */
import { randomUUID } from 'node:crypto';
import type { JsonObject } from '../fhir/json.ts';
import type { Session } from '../store/pool.ts';
import { addRun, type Found, type RetentionRun } from '../store/retention-runs.ts';
import type { CategoryName } from './categories.ts';
import { heldCategories, holdings } from './catalog.ts';
import type { Removing } from './holding.ts';
import { dueOf, readInForce, type Due } from './plan.ts';

/** Milliseconds between an announcement and the run by itself: time to see it and to object. */
export const notice = 7 * 86_400_000;

/** Looks for what may go, and notes it. */
export async function announceRun(
  session: Session,
  { by, now }: { readonly by: string; readonly now: number },
): Promise<{ readonly id: string; readonly found: Readonly<Record<string, Found>> }> {
  const inForce = await readInForce(session);
  const found: Record<string, Found> = {};
  for (const category of heldCategories) {
    const due = dueOf(inForce, category, now);
    if (due === undefined) continue;
    found[category] = await foundOf(session, due);
  }
  const id = randomUUID();
  await addRun(session, { id, made: now, by, found: found as unknown as JsonObject });
  return { id, found };
}

async function foundOf(session: Session, due: Due): Promise<Found> {
  const { category, period, basis, before } = due;
  const { count = 0, oldest } = (await holdings[category]?.count(session, due)) ?? {};
  return { period, basis, before: new Date(before).toISOString(), count, ...(oldest !== undefined && { oldest }) };
}

export interface Place {
  readonly category: CategoryName;
  readonly inside?: JsonObject;
}

/** Removes a piece; where to go on, undefined at the end. */
export async function removeNext(
  removing: Removing,
  run: RetentionRun,
  place: Place | undefined,
): Promise<Place | undefined> {
  const category = place?.category ?? heldCategories[0];
  if (category === undefined) return undefined;
  const due = await stillDue(removing.session, run, category);
  const inside = due && (await holdings[category]?.remove(removing, due, place?.inside));
  if (inside !== undefined) return { category, inside };
  const next = heldCategories[heldCategories.indexOf(category) + 1];
  return next === undefined ? undefined : { category: next };
}

/** By the rules and holds of now, and no further than announced. */
async function stillDue(session: Session, { found }: RetentionRun, category: CategoryName): Promise<Due | undefined> {
  const announced = found[category];
  if (announced === undefined) return undefined;
  const due = dueOf(await readInForce(session), category, Date.now());
  return due && { ...due, before: Math.min(due.before, Date.parse(announced.before)) };
}
