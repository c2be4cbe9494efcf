/** Results that formulas give of what was entered and what is there (laboratory/result/calculate.ts), and what they are made of. */
import { compare, parseDecimal, type Decimal } from '../../../fhir/decimal.ts';
import { numberText } from '../../../fhir/json.ts';
import { yearsAt } from '../../../laboratory/result/age.ts';
import { calculate } from '../../../laboratory/result/calculate.ts';
import { checkedNumber, evaluated } from '../../../laboratory/result/evaluate.ts';
import { resultState } from '../../../laboratory/result/result-states.ts';
import { nameOf, type Checked } from '../../../laboratory/result/value.ts';
import { catalogueSystem, codeIn, isObject, objects, text } from '../../../laboratory/terms.ts';
import type { Known } from '../server-rights.ts';
import type { Background } from './background.ts';
import { earlierOf, existingOf, measuredOf } from './entered.ts';
import type { Judged, Turn } from './judge.ts';
import type { Work } from './work-up.ts';

/** Results that are there, by the codes of their analytes. */
export function referencesOf({ existing }: Background): Map<string, string> {
  return new Map(
    existing.flatMap(({ resource }) => {
      const code = codeIn(resource['code'], catalogueSystem);
      const counts = !['withdrawn', 'cancelled'].includes(resultState(resource));
      return code === undefined || !counts ? [] : [[code, `Observation/${String(resource['id'])}`]];
    }),
  );
}

/** Of a calculated one, the results that it was made of: formulas come after their inputs. */
export function originsOf({ result }: Judged, references: ReadonlyMap<string, string>): string[] {
  if (!result.calculated) return [];
  return (result.definition.calculation?.inputs ?? []).flatMap(({ analyte }) => references.get(analyte) ?? []);
}

/** It was measured, or somebody entered it: no formula takes its place. */
function isMeasured(existing: Known | undefined): boolean {
  return existing !== undefined && objects(existing.resource['derivedFrom']).length === 0;
}

/** Analytes with a formula that were ordered and not measured; a released one stays as it is. */
export function calculated(background: Background, work: Work, turns: readonly Turn[]): Turn[] {
  const { analytes, patient } = background;
  const own = new Set(turns.map(({ analyte }) => analyte.definition));
  const open = analytes.all.filter(
    (one) =>
      one.definition.calculation !== undefined && !own.has(one.definition) && !isMeasured(existingOf(background, one)),
  );
  if (open.length === 0) return [];
  const values = new Map<string, Checked & { unit?: string }>(background.existing.flatMap(valueOf));
  for (const { definition } of open) values.delete(nameOf(definition));
  for (const { result } of turns) {
    const unit = result.definition.unit?.code;
    values.set(nameOf(result.definition), { ...result.checked, ...(unit !== undefined && { unit }) });
  }
  const [age, sex] = [yearsAt(text(patient['birthDate']), work.at), text(patient['gender'])];
  const found = calculate(
    open.map(({ definition }) => definition),
    values,
    { ...(age !== undefined && { age }), ...(sex !== undefined && { sex }) },
  );
  const byName = Map.groupBy(open, ({ definition }) => nameOf(definition));
  const inOrder = [...found].flatMap(([name, value]) =>
    (byName.get(name) ?? []).map((analyte) => ({ analyte, value })),
  );
  return inOrder.flatMap(({ analyte, value }) => {
    const existing = existingOf(background, analyte);
    if (isKept(work, existing, value)) return [];
    const checked = checkedNumber(analyte.definition, value);
    const result = evaluated(
      analyte.definition,
      checked,
      measuredOf(background, work, undefined),
      earlierOf(background, analyte),
    );
    return [{ analyte, result: { ...result, calculated: true }, ...(existing !== undefined && { existing }) }];
  });
}

/** A released result that a formula gave is corrected with its inputs, where it says something else now. */
function isKept(work: Work, existing: Known | undefined, value: Decimal): boolean {
  if (existing === undefined || resultState(existing.resource) !== 'released') return false;
  if (work.correction === undefined) return true;
  const was = valueOf(existing)[0]?.[1].value;
  return was !== undefined && compare(was, value) === 0;
}

function valueOf({ resource }: Known): [string, Checked & { unit?: string }][] {
  const code = codeIn(resource['code'], catalogueSystem);
  const quantity = resource['valueQuantity'];
  if (code === undefined || !isObject(quantity) || typeof quantity['value'] !== 'number') return [];
  if (['withdrawn', 'cancelled'].includes(resultState(resource))) return [];
  const value = parseDecimal(numberText(quantity, 'value'));
  const unit = text(quantity['code']);
  const comparator = text(quantity['comparator']) as Checked['comparator'];
  if (value === undefined) return [];
  return [
    [
      code,
      {
        element: {},
        value,
        ...(comparator !== undefined && { comparator }),
        ...(unit !== undefined && { unit }),
      },
    ],
  ];
}
