/**
 * Observation/[id]/$correct: another value for a result that was released; the old version stays in the history.
 *
 *   POST [base]/Observation/[id]/$correct    value, unit?, dilution?, comment…, reason    200: Parameters as of $enter-results
 *
 * The value is checked and flagged as at its entry; released results that a formula made of it are corrected with it, and
 * the report is `corrected`.
 */
import type { JsonObject } from '../../../fhir/json.ts';
import { operationOutcome, outcomeError } from '../../../fhir/outcome.ts';
import { inTransaction } from '../../../interactions/commit.ts';
import type { Call } from '../../../interactions/call.ts';
import { nextResultState, resultState } from '../../../laboratory/result/result-states.ts';
import { catalogueSystem, codeIn, object, objects, text } from '../../../laboratory/terms.ts';
import type { Answer, Context } from '../../../request.ts';
import { operationInput } from '../../parameters.ts';
import { missing, textOf } from '../../request-input.ts';
import { presentAfter } from '../reports/at-release.ts';
import { asServer, writtenResource, type Known } from '../server-rights.ts';
import { known, knownAll } from '../specimens-and-orders.ts';
import { entryOf } from './entry.ts';
import { reportsOfOrders } from './report-of-orders.ts';
import { requireWholeAccess } from './review.ts';
import { resultsOf, type Work } from './work-up.ts';
import { writeResults } from './write-results.ts';

export async function correct(context: Context, call: Call): Promise<Answer> {
  const names = ['value', 'unit', 'dilution', 'comment'];
  const input = await operationInput(context, call, [...names, 'reason']);
  const correction = textOf(input, 'reason', 500) ?? missing('reason');
  requireWholeAccess(context, 'A correction');
  return inTransaction(context, async (inside) => {
    const result = await known(inside, 'Observation', call.target.id);
    nextResultState(call.target.id, resultState(result.resource), 'correct');
    const analyte = codeIn(result.resource['code'], catalogueSystem);
    if (analyte === undefined) {
      throw outcomeError(
        'business-rule',
        `Observation/${call.target.id} is of no analyte of the catalogue: update it.`,
      );
    }
    const entry = entryOf([{ name: 'analyte', valueString: analyte }, ...input.given(names)]);
    const work = { ...(await workOfResult(asServer(inside), result)), correction };
    const results = await resultsOf(inside, work, [entry]);
    await writeResults(inside, results);
    const { resources, report, issues } = results;
    const presented = await presentAfter(inside, report.entry.id);
    const parameter = [
      ...resources.map((resource) => ({ name: 'result', resource })),
      { name: 'report', resource: presented ?? writtenResource(report) },
      ...(issues.length === 0
        ? []
        : [{ name: 'outcome', resource: operationOutcome(issues) as unknown as JsonObject }]),
    ];
    return { status: 200, resource: { resourceType: 'Parameters', parameter } };
  });
}

/** All orders of the report, so that formulas find their inputs. */
async function workOfResult(server: Context, { resource }: Known): Promise<Work> {
  const own = orders(resource);
  const [report] = await reportsOfOrders(server, own);
  const names = report === undefined ? own : orders(report.resource);
  const [specimen, device] = [object(resource['specimen']), object(resource['device'])].map((one) =>
    text(one['reference']),
  );
  return {
    orders: await knownAll(server, 'ServiceRequest', names),
    at: text(resource['effectiveDateTime']) ?? new Date().toISOString(),
    pregnant: false,
    conditions: [],
    ...(specimen !== undefined && { specimen }),
    ...(device !== undefined && { device }),
  };
}

function orders(resource: JsonObject): string[] {
  return objects(resource['basedOn'])
    .flatMap(({ reference }) => text(reference) ?? [])
    .filter((one) => one.startsWith('ServiceRequest/'));
}
