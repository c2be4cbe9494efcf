/**
 * Calculated analytes: formulas of the catalogue in FHIRPath, in the order in which they need each other.
 *
 * 1. An analyte that was measured is not calculated: what an analyzer says goes before the formula.
 * 2. Where an input is missing, is `<` or `>` something, or the formula gives nothing, there is no result.
 * 3. A circle of formulas is refused: none of its analytes could ever be had.
 */
import { outcomeError } from '../../fhir/outcome.ts';
import { parseDecimal, type Decimal } from '../../fhir/decimal.ts';
import { compilePath, type Compiled } from '../../fhir/path/compile.ts';
import { textOfNumber } from '../../fhir/path/equality.ts';
import { none, numberNode, stringNode, valueNode, type Nodes } from '../../fhir/path/node.ts';
import type { AnalyteDefinition, Calculation } from '../definition.ts';
import { convert } from './unit.ts';
import { decimalIn, nameOf, withDecimals, type Checked } from './value.ts';

export interface Person {
  /** Years at collection. */
  readonly age?: number;
  readonly sex?: string;
}

export type Known = ReadonlyMap<string, Checked & { readonly unit?: string }>;

/** Results of the analytes that have a formula, by their codes in the catalogue. */
export function calculate(
  definitions: readonly AnalyteDefinition[],
  known: Known,
  person: Person,
): ReadonlyMap<string, Decimal> {
  const values = new Map(known);
  const calculated = new Map<string, Decimal>();
  for (const definition of inOrder(definitions)) {
    const { calculation, code, unit } = definition;
    if (calculation === undefined || code === undefined || known.has(code)) continue;
    const result = evaluate(calculation, values, person);
    if (result === undefined) continue;
    const value = withDecimals(definition, result);
    calculated.set(code, value);
    values.set(code, { element: {}, value, ...(unit && { unit: unit.code }) });
  }
  return calculated;
}

/** Those that others need first. @throws OutcomeError for formulas that need each other in a circle. */
export function inOrder(definitions: readonly AnalyteDefinition[]): AnalyteDefinition[] {
  const byCode = new Map(definitions.map((one) => [nameOf(one), one]));
  const done = new Set<string>();
  const order: AnalyteDefinition[] = [];
  const visit = (definition: AnalyteDefinition, path: readonly string[]): void => {
    const name = nameOf(definition);
    if (done.has(name)) return;
    if (path.includes(name)) {
      const circle = [...path.slice(path.indexOf(name)), name].join(' → ');
      throw outcomeError('business-rule', `Formulas of the catalogue need each other: ${circle}.`);
    }
    for (const { analyte } of definition.calculation?.inputs ?? []) {
      const needed = byCode.get(analyte);
      if (needed !== undefined) visit(needed, [...path, name]);
    }
    done.add(name);
    order.push(definition);
  };
  for (const definition of definitions) visit(definition, []);
  return order;
}

const root = valueNode({}, 'System.Any');

function evaluate({ formula, inputs }: Calculation, known: Known, person: Person): Decimal | undefined {
  const variables: Record<string, Nodes> = {
    age: person.age === undefined ? none : [numberNode(String(person.age))],
    sex: person.sex === undefined ? none : [stringNode(person.sex)],
  };
  for (const { name, analyte, unit } of inputs) {
    const input = known.get(analyte);
    if (input?.value === undefined || input.comparator !== undefined) return undefined;
    const value = convert({ value: input.value, unit: input.unit ?? unit }, unit);
    if (value === undefined) return undefined;
    variables[name] = [decimalNode(value)];
  }
  const [found, ...more] = compiled(formula)(root, { resource: root, variables });
  return typeof found?.value === 'number' && more.length === 0 ? parseDecimal(textOfNumber(found)) : undefined;
}

function decimalNode(value: Decimal): Nodes[number] {
  const written = decimalIn(value);
  return numberNode(written.includes('.') ? written : `${written}.0`);
}

const formulas = new Map<string, Compiled>();

/** A laboratory has some dozens. */
const remembered = 1_000;

function compiled(formula: string): Compiled {
  const known = formulas.get(formula);
  if (known !== undefined) return known;
  const made = compilePath(formula);
  if (formulas.size < remembered) formulas.set(formula, made);
  return made;
}
