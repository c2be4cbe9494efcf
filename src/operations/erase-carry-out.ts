/**
 * Carrying out an erasure, asked for by the officer ($erase) or by a rule of retention (erase-by-rule.ts).
 *
 * 1. All that belongs to the patient alone (erase-belonging.ts) goes, with every version, its index rows and files, and all
 *    traces of him elsewhere (store/erasure-tables.ts); deleted resources too, and versions of other resources that named
 *    him. What concerns others as well stays without the reference; the answer names what may still name him.
 * 2. All or nothing, in one transaction that holds up the laboratory's other writes; its event is stored with it. Looking
 *    through all texts is done before, and what was written meanwhile is looked at again.
 * 3. The ids answer 410 from then on and are never taken again; nothing more is stored about an erased patient. The audit
 *    log is not changed: it has ids only. A patient under a legal hold is not erased.
 * 4. Not found are texts of others that tell his name without a reference or one of his identifiers; and backups, which
 *    must be left to expire.
 */
import { randomUUID } from 'node:crypto';
import { operatorCaller } from '../access/caller.ts';
import { officerRole } from '../access/roles.ts';
import { parseScopes } from '../access/scopes.ts';
import { typeName, typeNumber } from '../fhir/resource-types.ts';
import { commitAll, inTransaction } from '../interactions/commit.ts';
import type { Context } from '../request.ts';
import { addTombstones, holdWrites, lastErasure, purge, type Person } from '../store/erasure.ts';
import { momentNow, recentRidsHolding, ridsHolding, type Moment } from '../store/erasure-search.ts';
import { requestJob } from '../store/jobs.ts';
import { addRestriction, announceRestrictions, forgetRestrictions, lockRestrictions } from '../store/restriction.ts';
import type { Keeping } from './erase-keep.ts';
import { planErasure, type Asked, type Plan } from './erase-plan.ts';
import type { Subject } from './erase-subject.ts';
import { noteDeed } from './restrict.ts';

export const patientType = typeNumber('Patient') ?? -1;

export interface Found {
  readonly asked: Asked;
  readonly plan: Plan;
  /** Before which all was looked at. */
  readonly since: Moment;
  readonly texts: readonly string[];
}

export async function lookThrough(outer: Context, subject: Subject, keeping: Keeping): Promise<Found> {
  const context = asItself(outer);
  const { session } = context;
  const since = await momentNow(session);
  const values = [...subject.identifiers].map((text) => JSON.stringify(text.slice(text.indexOf('|') + 1)));
  const texts = [`Patient/${subject.patient}`, `"id": "${subject.patient}"`, ...values];
  const asked = { subject, keeping, rids: await ridsHolding(session, texts) };
  const first = await planErasure(context, asked);
  if (first.binaries.length === 0) return { asked, plan: first, since, texts };
  const named = first.binaries.map((id) => `Binary/${id}`);
  const sharing = { binaries: new Set(first.binaries), rids: await ridsHolding(session, named) };
  const whole = { ...asked, sharing };
  return { asked: whole, plan: await planErasure(context, whole), since, texts: [...texts, ...named] };
}

export interface Given {
  readonly reason: string;
  readonly keeping: Keeping;
  readonly subject: Subject;
  readonly found: Found;
  readonly by: string;
}

/** What was done: what an answer tells. */
export interface Erased {
  readonly plan: Plan;
  readonly tombstone: string;
  /** To be deleted. */
  readonly files: number;
}

/** @param permitted in the transaction, before anything goes; what it throws stops the erasure */
export function carryOut(
  context: Context,
  given: Given,
  permitted: (inside: Context, plan: Plan) => Promise<void>,
): Promise<Erased> {
  const { keeping, subject } = given;
  return inTransaction(context, async (inside) => {
    await lockRestrictions(inside.session);
    if (keeping.given.length > 0) await announceRestrictions(context.server.database, context.tenant.id);
    await holdWrites(inside.session);
    const own = asItself(inside);
    const plan = await planErasure(own, await withRecent(inside, given.found));
    await permitted(inside, plan);
    const before = await lastErasure(inside.session, subject.patient);
    const tombstone = isNothing(plan) && before !== undefined ? before : randomUUID();
    inside.trail.touched.push({ type: 'Patient', id: subject.patient });
    noteDeed(inside, { id: tombstone, patient: subject.patient });
    const files = tombstone === before ? 0 : await remove(own, plan, { ...given, erasure: tombstone });
    return { plan, tombstone, files };
  });
}

/** The server's own doing, which no label, consent or restriction binds: the officer need not see what he erases. */
function asItself(context: Context): Context {
  const scopes = parseScopes('system/*.cruds');
  const caller = operatorCaller({ subject: 'makhbar', client: 'makhbar', scopes, roles: [officerRole] });
  return { ...context, caller };
}

async function withRecent({ session }: Context, { asked, since, texts }: Found): Promise<Asked> {
  const recent = await recentRidsHolding(session, texts, since);
  const { sharing } = asked;
  return {
    ...asked,
    rids: [...asked.rids, ...recent],
    ...(sharing && { sharing: { ...sharing, rids: [...sharing.rids, ...recent] } }),
  };
}

function isNothing({ erased, masked, versions }: Plan): boolean {
  return erased.length + masked.length + versions.length === 0;
}

/** Gives how many files are to be deleted. */
async function remove(own: Context, plan: Plan, given: Given & { readonly erasure: string }): Promise<number> {
  const { session } = own;
  const { erasure: id, keeping, reason, by } = given;
  const { patient } = given.subject;
  const { rule, given: kept } = keeping;
  const described = { id, patient, reason, kept, by, ...(rule !== undefined && { rule }) };
  await addTombstones(session, described, plan.erased, plan.versions);
  const written = await commitAll(own, plan.masked);
  if (written.includes(undefined)) throw new Error('A resource that stays was changed while writes were held up.');
  const { files } = await purge(session, id, {
    resources: plan.erased,
    patient,
    persons: personsOf(plan, patient),
    identifiers: identifierValues(given.subject),
  });
  if (files > 0) await requestJob(session, 'delete-erased-files');
  await forgetRestrictions(session, patient);
  if (plan.kept.length > 0) {
    await addRestriction(session, { patient, reason: rule ?? '', madeBy: by, erasure: id });
  }
  return files;
}

/** Shorter ones stand in any message. */
const shortestIdentifier = 3;

function identifierValues({ identifiers }: Subject): string[] {
  return [...identifiers]
    .map((text) => text.slice(text.indexOf('|') + 1))
    .filter((value) => value.length >= shortestIdentifier);
}

/** Those whom an account may stand for: the patient, kept or not, and of what goes his relatives. */
function personsOf({ erased }: Plan, patient: string): Person[] {
  const relatives = erased
    .map(({ type, id }) => ({ type: typeName(type), number: type, id }))
    .filter(({ type }) => type === 'RelatedPerson' || type === 'Person');
  return [{ type: 'Patient', number: patientType, id: patient }, ...relatives];
}
