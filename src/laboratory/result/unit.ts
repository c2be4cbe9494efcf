/** Converting a measurement to the unit of its analyte, exactly: by UCUM, or by the factor that the catalogue names. */
import { divide, multiply, parseDecimal, round, subtract, type Decimal } from '../../fhir/decimal.ts';
import { canonicalUnit } from '../../search/ucum.ts';
import type { AnalyteDefinition } from '../definition.ts';
import type { Measure } from '../interval.ts';

const zero: Decimal = { digits: 0n, exponent: 0 };
const one: Decimal = { digits: 1n, exponent: 0 };

/** A quotient that does not come out even is rounded to so many digits: more than any analyzer reports. */
const digits = 15;

/** The value in another unit; undefined where UCUM knows no way: mass and amount of substance, [IU] and mol. */
export function convert({ value, unit }: Measure, target: string): Decimal | undefined {
  if (unit === target) return value;
  const [from, to] = [canonicalUnit(unit), canonicalUnit(target)];
  if (from === undefined || to === undefined || from.key !== to.key) return undefined;
  const offset = to.convert(zero);
  const factor = subtract(to.convert(one), offset);
  if (factor.digits === 0n) return undefined;
  return round(divide(subtract(from.convert(value), offset), factor), digits);
}

/** The value in the unit of the analyte: also from the customary one, for which the catalogue has a factor. */
export function inUnitOf(definition: AnalyteDefinition, measure: Measure): Decimal | undefined {
  const { unit, customaryUnit } = definition;
  if (unit === undefined) return measure.value;
  const direct = convert(measure, unit.code);
  if (direct !== undefined || customaryUnit?.factor === undefined) return direct;
  const customary = convert(measure, customaryUnit.code);
  return customary && round(divide(customary, customaryUnit.factor), digits);
}

/** After the instrument measured a diluted specimen: times the dilution. */
export function undiluted(value: Decimal, dilution: string): Decimal | undefined {
  const factor = parseDecimal(dilution);
  return factor === undefined || factor.digits <= 0n ? undefined : multiply(value, factor);
}
