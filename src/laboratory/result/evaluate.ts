/** A value with all that the catalogue and the patient's history say of it. */
import type { Decimal } from '../../fhir/decimal.ts';
import type { AnalyteDefinition } from '../definition.ts';
import type { Interval } from '../interval.ts';
import { applicable, chooseInterval, type Measured } from './choose.ts';
import { deltaOf, type Earlier } from './delta.ts';
import { interpret } from './interpret.ts';
import { quantityElement, type Checked } from './value.ts';

export interface Evaluated {
  readonly definition: AnalyteDefinition;
  readonly checked: Checked;
  readonly code?: string;
  readonly critical: boolean;
  /** A sentence for each limit of the delta check that is passed. */
  readonly delta: readonly string[];
  /** The interval that holds, or all that may where the phase is not known. */
  readonly intervals: readonly Interval[];
  /** By a formula. */
  readonly calculated: boolean;
}

export function evaluated(
  definition: AnalyteDefinition,
  checked: Checked,
  measured: Measured,
  earlier: Earlier | undefined,
): Evaluated {
  const reference = chooseInterval(definition.intervals, 'reference', measured);
  const critical = chooseInterval(definition.intervals, 'critical', measured);
  const { code, critical: isCritical } = interpret(checked, reference, critical);
  return {
    definition,
    checked,
    ...(code !== undefined && { code }),
    critical: isCritical,
    delta:
      checked.value === undefined || checked.comparator !== undefined
        ? []
        : deltaOf(checked.value, measured.at, earlier, definition.deltaLimits),
    intervals: reference === undefined ? applicable(definition.intervals, 'reference', measured) : [reference],
    calculated: false,
  };
}

/** What a formula gave. */
export function checkedNumber(definition: AnalyteDefinition, value: Decimal): Checked {
  return { element: { valueQuantity: quantityElement(definition, value) }, value };
}
