/**
 * The DiagnosticReport of a requisition: made with its first result, and led on with each step of its results.
 *
 * | status      | is                                                       |
 * |-------------|----------------------------------------------------------|
 * | registered  | no result yet                                            |
 * | preliminary | results, none of them released                            |
 * | partial     | some are released, others are not, or are not there yet   |
 * | final       | all that was ordered is released                          |
 * | corrected   | a released result was corrected                           |
 */
import type { JsonObject } from '../../../fhir/json.ts';
import { newId } from '../../../interactions/new-id.ts';
import type { Prepared } from '../../../interactions/prepare.ts';
import { isSuppressed } from '../../../laboratory/microbiology/reporting.ts';
import { resultState } from '../../../laboratory/result/result-states.ts';
import { extensionUrl, loincSystem, object, objects, text } from '../../../laboratory/terms.ts';
import type { Context } from '../../../request.ts';
import { withoutPresented } from '../reports/presented.ts';
import { changed, made, type Known } from '../server-rights.ts';
import { knownBy } from '../specimens-and-orders.ts';

export interface Reported {
  readonly orders: readonly Known[];
  /** All results of the orders, as they are now. */
  readonly results: readonly JsonObject[];
  /** Analytes that were ordered and have no result. */
  readonly missing: number;
  readonly subject: string;
}

export async function reportsOfOrders(server: Context, orders: readonly string[]): Promise<Known[]> {
  if (orders.length === 0) return [];
  const found = await knownBy(server, 'DiagnosticReport', [['based-on', orders.join()]]);
  return found.filter(({ resource }) => resource['status'] !== 'entered-in-error');
}

/** Where the results of a report stand together. */
export function reportStatus(results: readonly JsonObject[], missing: number, was: string | undefined): string {
  const states = results.map(resultState).filter((one) => one !== 'withdrawn' && one !== 'cancelled');
  const released = states.filter((one) => one === 'released').length;
  if (states.length === 0) return was === undefined ? 'registered' : 'cancelled';
  if (released === 0) return 'preliminary';
  if (released < states.length || missing > 0) return 'partial';
  const corrected =
    results.some(({ status }) => status === 'corrected' || status === 'amended') ||
    was === 'corrected' ||
    (was === 'final' && released < results.length);
  return corrected ? 'corrected' : 'final';
}

/** The report with these results: the one that is there, or a new one. */
export function reportChange(server: Context, existing: Known | undefined, reported: Reported): Prepared {
  const { orders, missing, subject } = reported;
  const results = reported.results.filter((one) => !isSuppressed(one) && resultState(one) !== 'refused');
  const status = reportStatus(results, missing, text(existing?.resource['status']));
  const shown = results.filter((one) => !['withdrawn', 'cancelled', 'ordered'].includes(resultState(one)));
  const specimens = [...new Set(shown.flatMap((one) => text(object(one['specimen'])['reference']) ?? []))];
  const issued = new Date().toISOString();
  const resource: JsonObject = {
    ...(existing === undefined
      ? {
          resourceType: 'DiagnosticReport',
          extension: [{ url: extensionUrl('laboratory-report'), valueBoolean: true }],
          category: [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0074', code: 'LAB' }] }],
          code: { coding: [{ system: loincSystem, code: '11502-2', display: 'Laboratory report' }] },
          subject: { reference: subject },
        }
      : withoutPresented(existing.resource)),
    basedOn: references(orders.map(({ resource: { id } }) => `ServiceRequest/${String(id)}`)),
    status,
    issued,
    ...(specimens.length > 0 && { specimen: references(specimens) }),
    result: references(shown.map(({ id }) => `Observation/${String(id)}`)),
  };
  const { result, ...without } = resource;
  const complete = objects(result).length === 0 ? without : resource;
  return existing === undefined ? made(server, complete, newId()) : changed(server, complete, existing.version);
}

function references(all: readonly string[]): JsonObject[] {
  return all.map((reference) => ({ reference }));
}
