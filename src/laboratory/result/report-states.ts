/**
 * The life of a report (DiagnosticReport.status): status × step; what is not in the table is refused with a sentence.
 *
 * | status      | release | withdraw |
 * |-------------|---------|----------|
 * | registered  |         | yes      |
 * | preliminary | yes     | yes      |
 * | partial     | yes     | yes      |
 * | final       |         | yes      |
 * | corrected   |         | yes      |
 *
 * Amended and appended are as final; cancelled and entered-in-error are the end. After a release the status follows from
 * the results. A report that was released is not deleted.
 */
import type { JsonObject } from '../../fhir/json.ts';
import { outcomeError } from '../../fhir/outcome.ts';
import { text } from '../terms.ts';

export const reportSteps = ['release', 'withdraw'] as const;

export type ReportStep = (typeof reportSteps)[number];

const possible: Readonly<Record<ReportStep, readonly string[]>> = {
  release: ['preliminary', 'partial'],
  withdraw: ['registered', 'preliminary', 'partial', 'final', 'amended', 'corrected', 'appended'],
};

export function reportState(report: JsonObject): string {
  return text(report['status']) ?? 'unknown';
}

/** @throws OutcomeError `conflict` (409) where the step is not possible now. */
export function nextReportState(name: string, status: string, step: ReportStep): void {
  if (possible[step].includes(status)) return;
  throw outcomeError(
    'conflict',
    `DiagnosticReport/${name} is ${status}: the step ${step} is possible with one that is ${possible[step].join(' or ')}.`,
    { expression: 'DiagnosticReport.status' },
  );
}
