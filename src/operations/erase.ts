/**
 * $erase: removes what is stored of a patient (GDPR Art. 17). For the data protection officer (manage/privacy), with a fresh
 * second factor.
 *
 *   POST [base]/Patient/[id]/$erase    reason, keep*?, rule?, dryRun?    200: Parameters (erase-report.ts)
 *
 * `keep` (types, or clinical, financial, consent) stays by the rule of retention that `rule` names, and is restricted. Another
 * $erase without it ends that. What goes, and what holds for all erasures, is said in erase-carry-out.ts.
 */
import { outcomeError } from '../fhir/outcome.ts';
import type { Call } from '../interactions/call.ts';
import { parseStored } from '../interactions/document.ts';
import type { Answer, Context } from '../request.ts';
import { refuseHeld } from '../retention/held.ts';
import { lastErasure } from '../store/erasure.ts';
import { readWhole, ridsOf } from '../store/erasure-search.ts';
import { unmarkIfNone } from '../store/restriction.ts';
import { optional, yesOrNo } from './administer.ts';
import { carryOut, lookThrough, patientType } from './erase-carry-out.ts';
import { keepingOf } from './erase-keep.ts';
import { erasureReport } from './erase-report.ts';
import { holdsWords, subjectOf, type Subject } from './erase-subject.ts';
import { operationInput } from './parameters.ts';
import { checkSoleDeed, reasonOf } from './privacy.ts';

export async function erase(outer: Context, call: Call): Promise<Answer> {
  checkSoleDeed(outer, '$erase');
  const input = await operationInput(outer, call, ['reason', 'keep', 'rule', 'dryRun']);
  const reason = reasonOf(input);
  const keeping = keepingOf(input.texts('keep'), optional(input, 'rule'));
  const dryRun = yesOrNo(input, 'dryRun');
  if (dryRun) outer.trail.asked = { ...outer.trail.asked, kind: 'erasure-previewed' };
  const { id } = call.target;
  const subject = await subjectNamed(outer, id);
  checkSilent(subject, [reason, keeping.rule ?? '']);
  await refuseHeld(outer.session, id);
  const found = await lookThrough(outer, subject, keeping);
  if (dryRun) return { status: 200, resource: erasureReport(found.plan, keeping, { dryRun }) };
  const given = { reason, keeping, subject, found, by: outer.caller.subject };
  const { plan, ...done } = await carryOut(outer, given, ({ session }) => refuseHeld(session, id));
  await unmarkIfNone(outer.server.database, outer.tenant.id);
  return { status: 200, resource: erasureReport(plan, keeping, { dryRun, ...done }) };
}

/** @throws OutcomeError `not-found` where there never was such a patient. */
export async function subjectNamed({ session, base, tenant }: Context, id: string): Promise<Subject> {
  const [whole] = await readWhole(session, await ridsOf(session, [{ type: patientType, id }]));
  if (whole === undefined && (await lastErasure(session, id)) === undefined) {
    throw outcomeError('not-found', `There is no Patient/${id.slice(0, 64)}.`);
  }
  const versions = (whole?.versions ?? []).flatMap(({ text }) => (text === null ? [] : [parseStored(text)]));
  return subjectOf({ base, laboratory: tenant.name }, id, versions);
}

/** What is kept of the request must not name whom it is about. */
function checkSilent(subject: Subject, texts: readonly string[]): void {
  if (!texts.some((text) => holdsWords(subject, text))) return;
  const sentence =
    'reason and rule are kept after the erasure: they must not name the patient, nor an identifier of his.';
  throw outcomeError('invalid', sentence, { status: 400 });
}
