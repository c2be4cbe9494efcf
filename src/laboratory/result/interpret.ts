/**
 * What a value means: codes of v3-ObservationInterpretation. Bounds belong to the interval.
 * http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation
 *
 * `<0.5` is low only where all that it can be is low; where it can be either, nothing is said.
 */
import { compare, type Decimal } from '../../fhir/decimal.ts';
import type { Interval } from '../interval.ts';
import type { Checked } from './value.ts';

export interface Interpretation {
  /** L, H, N, LL, HH, or what the catalogue says of a coded value. */
  readonly code?: string;
  readonly critical: boolean;
}

export function interpret(
  checked: Checked,
  reference: Interval | undefined,
  critical: Interval | undefined,
): Interpretation {
  if (checked.interpretation !== undefined) {
    return { code: checked.interpretation, critical: ['AA', 'LL', 'HH'].includes(checked.interpretation) };
  }
  const urgent = critical === undefined ? undefined : sideOf(checked, critical);
  if (urgent === 'L' || urgent === 'H') return { code: urgent + urgent, critical: true };
  const side = reference === undefined ? undefined : sideOf(checked, reference);
  return { ...(side !== undefined && { code: side }), critical: false };
}

function sideOf(checked: Checked, interval: Interval): 'L' | 'H' | 'N' | undefined {
  const { value, comparator, bounds } = checked;
  if (bounds !== undefined) return between(bounds.low, bounds.high, interval);
  if (value === undefined) return undefined;
  if (comparator === undefined) return between(value, value, interval);
  return comparator.startsWith('<') ? below(value, comparator, interval) : above(value, comparator, interval);
}

/** All of [from, to] on one side, or inside. */
function between(from: Decimal, to: Decimal, { low, high }: Interval): 'L' | 'H' | 'N' | undefined {
  if (low !== undefined && compare(to, low.value) < 0) return 'L';
  if (high !== undefined && compare(from, high.value) > 0) return 'H';
  const inside =
    (low === undefined || compare(from, low.value) >= 0) && (high === undefined || compare(to, high.value) <= 0);
  return inside ? 'N' : undefined;
}

function below(value: Decimal, comparator: string, { low, high }: Interval): 'L' | 'N' | undefined {
  if (low !== undefined) {
    const against = compare(value, low.value);
    return against < 0 || (against === 0 && comparator === '<') ? 'L' : undefined;
  }
  return high !== undefined && compare(value, high.value) <= 0 ? 'N' : undefined;
}

function above(value: Decimal, comparator: string, { low, high }: Interval): 'H' | 'N' | undefined {
  if (high !== undefined) {
    const against = compare(value, high.value);
    return against > 0 || (against === 0 && comparator === '>') ? 'H' : undefined;
  }
  return low !== undefined && compare(value, low.value) >= 0 ? 'N' : undefined;
}
