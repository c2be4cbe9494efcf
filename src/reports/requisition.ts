/**
 * The reports of a requisition as one report: what is released of each, and that the rest is still to come. Pure.
 *
 * | status     | is                                                                |
 * |------------|-------------------------------------------------------------------|
 * | registered | nothing is released                                               |
 * | partial    | some is released, something else that was ordered with it is not  |
 * | final      | all that was ordered together is released                         |
 * | corrected  | and of that something was corrected, or taken back                |
 */
import { serializeJson, type JsonObject } from '../fhir/json.ts';
import { loincSystem, object, objects, text } from '../laboratory/terms.ts';

const whole: ReadonlySet<unknown> = new Set(['final', 'amended', 'corrected', 'appended']);

/** Everything that it tells is released. */
export function isWhole({ status }: JsonObject): boolean {
  return whole.has(status);
}

export interface Together {
  /** The reports that have something released, in their order. */
  readonly reports: readonly JsonObject[];
  /** Something is not released yet. */
  readonly waiting: boolean;
  readonly orders: readonly string[];
  readonly specimens: readonly string[];
  /** Released results. */
  readonly results: ReadonlySet<string>;
}

/** @param first the report whose patient, visit and id it has */
export function reportOfRequisition(first: JsonObject, together: Together): JsonObject {
  const { reports, orders, specimens, results } = together;
  const { id, subject, encounter } = first;
  const shown = referencesOf(reports, 'result').filter((one) => results.has(one));
  const issued = reports.flatMap((one) => text(one['issued']) ?? []).toSorted((a, b) => Date.parse(a) - Date.parse(b));
  const conclusion = reports.filter(isWhole).flatMap((one) => text(one['conclusion']) ?? []);
  return {
    ...{ resourceType: 'DiagnosticReport', id: id ?? '', ...labelsOf(reports) },
    ...Object.fromEntries(lists.flatMap((member) => listOf(reports, member))),
    code: { coding: [{ system: loincSystem, code: '11502-2', display: 'Laboratory report' }] },
    ...(subject !== undefined && { subject }),
    ...(encounter !== undefined && { encounter }),
    status: statusOf(together),
    basedOn: orders.map((reference) => ({ reference })),
    ...(issued.length > 0 && { issued: issued.at(-1) ?? '' }),
    ...(specimens.length > 0 && { specimen: specimens.map((reference) => ({ reference })) }),
    ...(shown.length > 0 && { result: shown.map((reference) => ({ reference })) }),
    ...(conclusion.length > 0 && { conclusion: [...new Set(conclusion)].join('\n') }),
  };
}

function statusOf({ reports, waiting }: Together): string {
  if (reports.length === 0) return 'registered';
  if (waiting) return 'partial';
  return reports.every(({ status }) => status === 'final') ? 'final' : 'corrected';
}

export function referencesOf(resources: readonly JsonObject[], member: string): string[] {
  const all = resources.flatMap((one) => objects(one[member]).flatMap(({ reference }) => text(reference) ?? []));
  return [...new Set(all)];
}

/** Members that each report adds to. */
const lists = ['category', 'performer', 'resultsInterpreter', 'conclusionCode', 'media'] as const;

function listOf(reports: readonly JsonObject[], member: string): [string, JsonObject[]][] {
  const all = new Map(
    reports.flatMap((one) => objects(one[member]).map((item) => [serializeJson(item), item] as const)),
  );
  return all.size === 0 ? [] : [[member, [...all.values()]]];
}

function labelsOf(reports: readonly JsonObject[]): JsonObject {
  const labels = listOf(
    reports.map(({ meta }) => object(meta)),
    'security',
  );
  return labels.length === 0 ? {} : { meta: Object.fromEntries(labels) };
}
