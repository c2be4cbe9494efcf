/** Where a result stands in what was sent to Observation/$enter-results, as issues about it name it. */
import type { Issue } from '../../fhir/outcome.ts';

/** A FHIRPath on the Parameters; `n` counts from 0. */
export function placeOfResult(n: number): string {
  return `Parameters.parameter.where(name = 'result')[${n}]`;
}

/** The number of the result that an issue is about; undefined where it is about none. */
export function resultNamed({ expression = [] }: Issue): number | undefined {
  const [, written] = /^Parameters\.parameter\.where\(name = 'result'\)\[(\d+)\]$/.exec(expression[0] ?? '') ?? [];
  return written === undefined ? undefined : Number(written);
}
