/**
 * Review of results before their release; laboratory/result/result-states.ts has the table of what is possible when.
 *
 *   POST [base]/Observation/$review     result…, note?, comment-code…    200: Parameters with result…    technical
 *   POST [base]/Observation/$approve    the same                                   medical: who may release
 *   POST [base]/Observation/$cancel-result result…, reason                               there will be none
 */
import { permitsWhole } from '../../../access/permits.ts';
import type { JsonObject } from '../../../fhir/json.ts';
import { outcomeError } from '../../../fhir/outcome.ts';
import { inTransaction } from '../../../interactions/commit.ts';
import type { Call, Handler } from '../../../interactions/call.ts';
import { isSuppressed } from '../../../laboratory/microbiology/reporting.ts';
import { afterResultStep, noted } from '../../../laboratory/result/observation.ts';
import { codedComment } from '../../../laboratory/result/comments.ts';
import { isToRepeat, withoutRepetition } from '../../../laboratory/result/follow-up.ts';
import { catalogueSystem, codeIn, object, text } from '../../../laboratory/terms.ts';
import type { Answer, Context } from '../../../request.ts';
import { operationInput } from '../../parameters.ts';
import { missing, textOf } from '../../request-input.ts';
import { referencesIn } from '../input.ts';
import { isHeld, openHolds } from '../quality/control-holds.ts';
import { asServer, changed, writeAll, writtenResource, type Known } from '../server-rights.ts';
import { knownAll } from '../specimens-and-orders.ts';
import { ordersAfter } from './orders-after.ts';
import { commentSystems } from './comment-systems.ts';
import { cancelledRepeats, cancelledTasks } from './open-tasks.ts';
import { reportsAfter } from './report-after.ts';
import { restingAfter } from './resting.ts';

const most = 500;

export function reviewStep(step: 'review' | 'approve' | 'cancel'): Handler {
  return async (context: Context, call: Call): Promise<Answer> => {
    const input = await operationInput(context, call, ['result', 'note', 'comment-code', 'reason']);
    const references = referencesIn(input, 'result', ['Observation']);
    if (references.length === 0) missing('result');
    if (references.length > most) throw outcomeError('too-costly', `At most ${most} results are reviewed at once.`);
    if (step === 'approve') requireWholeAccess(context, 'A medical review');
    const note = step === 'cancel' ? (textOf(input, 'reason', 500) ?? missing('reason')) : textOf(input, 'note', 2_000);
    const codes = input.texts('comment-code');
    return inTransaction(context, async (inside) => {
      const systems = codes.length === 0 ? [] : await commentSystems(asServer(inside));
      const coded = codes.map((code) => codedComment(systems, code));
      const results = await knownAll(inside, 'Observation', references);
      const server = asServer(inside);
      const isOverruled = step === 'review' && note !== undefined;
      const holds = isOverruled && results.some(({ resource }) => isToRepeat(resource)) ? await openHolds(server) : [];
      if (step !== 'cancel') results.forEach(checkReported);
      const prepared = results.map(({ resource, version }) => {
        const free = isOverruled && isToRepeat(resource) ? overruled(resource, holds) : resource;
        const after = afterResultStep(free, step, inside.caller.subject);
        return changed(inside, noted(after, note, coded), version);
      });
      await writeAll(inside, prepared);
      const freed = results.filter(({ resource }) => isToRepeat(resource));
      await writeAll(server, await cancelledRepeats(server, freed.map(idOf)));
      const resting = step === 'cancel' ? await restingAfter(server, results, `Cancelled: ${note}`) : [];
      await writeAll(server, resting);
      const all = [...prepared, ...resting];
      if (step === 'cancel') {
        const reports = await reportsAfter(server, all);
        const tasks = await cancelledTasks(
          server,
          all.map(({ entry }) => entry.id),
        );
        await writeAll(server, [...reports.map((one) => one.prepared), ...tasks]);
      }
      // What is measured after all was to be run until now.
      if (step === 'cancel' || freed.length > 0) await writeAll(server, await ordersAfter(server, all));
      const parameter = prepared.map((one) => ({ name: 'result', resource: writtenResource(one) }));
      return { status: 200, resource: { resourceType: 'Parameters', parameter } };
    });
  };
}

function idOf({ resource }: Known): string {
  return String(resource['id']);
}

/** @throws OutcomeError `conflict` for what is stored and not reported: there is nothing to review it for. */
function checkReported({ resource }: Known): void {
  if (!isSuppressed(resource)) return;
  throw outcomeError(
    'conflict',
    `Observation/${String(resource['id'])} is not reported: it is not reviewed; $enter-culture reports it.`,
  );
}

/** Without a repetition that a rule asked for. @throws OutcomeError `conflict` where a failed control holds it too. */
function overruled(resource: JsonObject, holds: readonly Known[]): JsonObject {
  const [analyte, device] = [codeIn(resource['code'], catalogueSystem), text(object(resource['device'])['reference'])];
  if (!isHeld(holds, analyte ?? '', device)) return withoutRepetition(resource);
  throw outcomeError('conflict', `The control of ${analyte} failed on ${device}: $control-release lets results go.`);
}

/** Who may give a result any status is who answers for it. @throws OutcomeError `forbidden` (403). */
export function requireWholeAccess(context: Context, deed: string): void {
  if (permitsWhole(context.caller.permits, 'u', 'Observation')) return;
  throw outcomeError('forbidden', `${deed} is for those who may release results.`);
}
