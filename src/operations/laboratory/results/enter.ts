/**
 * Observation/$enter-results: results of one patient's orders, many at once, checked, flagged, calculated and, where the
 * laboratory has rules for it, verified. All of them or none.
 *
 *   POST [base]/Observation/$enter-results    specimen or order…, result…    200: Parameters with result…, report, outcome?
 *
 * | parameter         | is                                                                                        |
 * |-------------------|-------------------------------------------------------------------------------------------|
 * | specimen          | reference to the Specimen: its orders are meant                                            |
 * | order (repeated)  | references to ServiceRequests, where there is no specimen                                  |
 * | device            | the analyzer; without one the results are entered by hand                                  |
 * | time              | when it was measured, where the specimen has no time of collection                          |
 * | pregnant, condition… | what intervals may depend on: `true`; `fasting`, `luteal`, …                             |
 * | result (repeated) | parts: analyte, value, unit?, dilution?, flag…, comment…, comment-code…, method?, identifier?, measured?    |
 *
 * 1. A result that is not released yet is replaced; one that is released is corrected by $correct only (409).
 * 2. Formulas whose inputs are there are worked out, and worked out again when one of these changes.
 * 3. A result of an analyte whose control failed on the analyzer is held (quality/).
 */
import type { JsonObject } from '../../../fhir/json.ts';
import { operationOutcome } from '../../../fhir/outcome.ts';
import { typeNumber } from '../../../fhir/resource-types.ts';
import { inTransaction } from '../../../interactions/commit.ts';
import type { Call } from '../../../interactions/call.ts';
import { objects, text } from '../../../laboratory/terms.ts';
import { collectedAt, ordersOf } from '../../../laboratory/specimen.ts';
import type { Answer, Context } from '../../../request.ts';
import { lockLive } from '../../../store/read.ts';
import { optional } from '../../administer.ts';
import { operationInput, type Input } from '../../parameters.ts';
import { missing } from '../../request-input.ts';
import { referenceIn, referencesIn, timeIn } from '../input.ts';
import { asServer, writtenResource, type Known } from '../server-rights.ts';
import { known, knownAll } from '../specimens-and-orders.ts';
import { entriesIn } from './entry.ts';
import { resultsOf, type Work } from './work-up.ts';
import { writeResults } from './write-results.ts';

const orderType = typeNumber('ServiceRequest') ?? -1;
const names = ['specimen', 'order', 'device', 'time', 'pregnant', 'condition', 'result'];

export async function enterResults(context: Context, call: Call): Promise<Answer> {
  const input = await operationInput(context, call, names);
  const entries = entriesIn(input);
  return inTransaction(context, async (inside) => {
    const work = await workOf(inside, input);
    const results = await resultsOf(inside, work, entries);
    await writeResults(inside, results);
    const { resources, report, issues } = results;
    const parameter = [
      ...resources.map((resource) => ({ name: 'result', resource })),
      { name: 'report', resource: writtenResource(report) },
      ...(issues.length === 0
        ? []
        : [{ name: 'outcome', resource: operationOutcome(issues) as unknown as JsonObject }]),
    ];
    return { status: 200, resource: { resourceType: 'Parameters', parameter } };
  });
}

export async function workOf(inside: Context, input: Input): Promise<Work> {
  const server = asServer(inside);
  const given = referenceIn(input, 'specimen', ['Specimen']);
  const specimen = given === undefined ? undefined : await known(inside, 'Specimen', given.split('/')[1] ?? '');
  const orders =
    specimen === undefined
      ? await knownAll(inside, 'ServiceRequest', referencesIn(input, 'order', ['ServiceRequest']))
      : await knownAll(server, 'ServiceRequest', ordersOf(specimen.resource));
  if (orders.length === 0) missing('specimen');
  // Two who enter at once for one order come one after the other.
  await lockLive(
    inside.session,
    orders.map(({ resource }) => ({ type: orderType, id: String(resource['id']) })),
  );
  const device = referenceIn(input, 'device', ['Device']);
  return {
    orders,
    at: await timeOf(server, input, specimen, orders),
    pregnant: optional(input, 'pregnant') === 'true',
    conditions: input.texts('condition'),
    ...(given !== undefined && { specimen: given }),
    ...(device !== undefined && { device }),
  };
}

/** When the specimen was collected: ages count then. */
async function timeOf(
  server: Context,
  input: Input,
  specimen: Known | undefined,
  orders: readonly Known[],
): Promise<string> {
  if (optional(input, 'time') !== undefined) return timeIn(input, 'time', new Date());
  const reference = text(objects(orders[0]?.resource['specimen'])[0]?.['reference']);
  const own =
    specimen?.resource ?? (reference && (await known(server, 'Specimen', reference.split('/')[1] ?? '')).resource);
  const collected = own ? (collectedAt(own) ?? text(own['receivedTime'])) : undefined;
  return collected ?? new Date().toISOString();
}
