/**
 * Autoverification: rules as data, and what each of them says of a result.
 *
 * Rules are an active PlanDefinition (`type` eca-rule, code `autoverification`); each action has a title, and a condition
 * in FHIRPath that is true where the result must be seen by a person. Without such a PlanDefinition nothing is verified
 * automatically, and a rule that cannot be evaluated holds.
 *
 * | variable        | is                                                                                              |
 * |-----------------|-------------------------------------------------------------------------------------------------|
 * | %analyte        | code in the catalogue                                                                           |
 * | %section        | of the catalogue                                                                                |
 * | %value          | number in the unit of the analyte; empty for other kinds of results, and for `<` and `>`          |
 * | %interpretation | code: N, L, H, LL, HH, A, POS, …; empty where no interval holds                                  |
 * | %critical       | outside of the critical limits                                                                  |
 * | %delta          | differs from the last result by more than a limit                                               |
 * | %control        | `in-control`, `failed`, or empty where no control is known for the analyte and the device         |
 * | %flags          | what the instrument said, each as a string                                                      |
 * | %age, %sex, %ward | of the patient and the order; %age in years at collection                                      |
 * | %manual         | entered by hand                                                                                 |
 * | %calculated     | by a formula                                                                                    |
 */
import type { JsonObject } from '../../fhir/json.ts';
import type { Decimal } from '../../fhir/decimal.ts';
import { OutcomeError } from '../../fhir/outcome.ts';
import { compilePath, type Compiled } from '../../fhir/path/compile.ts';
import { booleanNodes, none, numberNode, stringNode, valueNode, type Nodes } from '../../fhir/path/node.ts';
import { codings, object, objects, text } from '../terms.ts';
import { decimalIn } from './value.ts';

export const autoverificationCode = 'autoverification';

export interface VerificationRule {
  readonly name: string;
  readonly condition: string;
}

export interface Facts {
  readonly analyte: string;
  readonly section?: string;
  readonly value?: Decimal;
  readonly interpretation?: string;
  readonly critical: boolean;
  readonly delta: boolean;
  readonly control?: string;
  readonly flags: readonly string[];
  readonly age?: number;
  readonly sex?: string;
  readonly ward?: string;
  readonly manual: boolean;
  readonly calculated: boolean;
}

export interface Told {
  readonly name: string;
  readonly holds: boolean;
  readonly because: string;
  /** It could not be evaluated. */
  readonly broken?: true;
}

export interface Decision {
  readonly verified: boolean;
  /** One for each rule, also for those that found nothing. */
  readonly rules: readonly Told[];
}

export function readRules(plan: JsonObject): VerificationRule[] {
  return objects(plan['action']).flatMap((action) => {
    const condition = text(object(objects(action['condition'])[0]?.['expression'])['expression']);
    return condition === undefined ? [] : [{ name: text(action['title']) ?? condition, condition }];
  });
}

/** Whether a plan has rules of this topic: autoverification, or one of follow-up.ts. */
export function isRules(plan: JsonObject, topic: string): boolean {
  const isTopic = (one: JsonObject): boolean => codings(one).some(({ code }) => code === topic);
  return codings(plan['type']).some(({ code }) => code === 'eca-rule') && objects(plan['topic']).some(isTopic);
}

export function decide(rules: readonly VerificationRule[], facts: Facts): Decision {
  const told = toldBy(rules, facts);
  return { verified: rules.length > 0 && told.every(({ holds }) => !holds), rules: told };
}

/** What each rule says of a result. */
export function toldBy(rules: readonly VerificationRule[], facts: Facts): Told[] {
  if (rules.length === 0) return [];
  const variables = variablesOf(facts);
  return rules.map((rule) => ({ name: rule.name, ...outcomeOf(rule, variables) }));
}

const root = valueNode({}, 'System.Any');

function outcomeOf({ condition }: VerificationRule, variables: Readonly<Record<string, Nodes>>): Omit<Told, 'name'> {
  try {
    const { run, used } = compiled(condition);
    const [found] = run(root, { resource: root, variables });
    const holds = found?.value === true;
    const because = used.map((name) => `${name} ${shown(variables[name] ?? none)}`).join(', ');
    return { holds, because: because === '' ? condition : because };
  } catch (error) {
    if (!(error instanceof OutcomeError)) throw error;
    return { holds: true, because: `cannot be evaluated: ${error.message}`, broken: true };
  }
}

function shown(nodes: Nodes): string {
  return nodes.length === 0 ? 'unknown' : nodes.map(({ value }) => String(value)).join(' ');
}

function variablesOf(facts: Facts): Record<string, Nodes> {
  const word = (value: string | undefined): Nodes => (value === undefined ? none : [stringNode(value)]);
  return {
    analyte: word(facts.analyte),
    section: word(facts.section),
    value: facts.value === undefined ? none : [numberNode(decimalIn(facts.value))],
    interpretation: word(facts.interpretation),
    critical: booleanNodes(facts.critical),
    delta: booleanNodes(facts.delta),
    control: word(facts.control),
    flags: facts.flags.map(stringNode),
    age: facts.age === undefined ? none : [numberNode(String(facts.age))],
    sex: word(facts.sex),
    ward: word(facts.ward),
    manual: booleanNodes(facts.manual),
    calculated: booleanNodes(facts.calculated),
  };
}

interface Condition {
  readonly run: Compiled;
  /** Names of its variables. */
  readonly used: readonly string[];
}

const conditions = new Map<string, Condition>();
const remembered = 1_000;

function compiled(condition: string): Condition {
  const known = conditions.get(condition);
  if (known !== undefined) return known;
  const names = [...condition.matchAll(/%(\w+)/g)].flatMap(([, name]) => name ?? []);
  const made = { run: compilePath(condition), used: [...new Set(names)] };
  if (conditions.size < remembered) conditions.set(condition, made);
  return made;
}
