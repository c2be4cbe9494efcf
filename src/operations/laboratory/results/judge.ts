/**
 * What the rules of the laboratory say of results: held by a control, to be repeated, verified, or for a person.
 *
 * A result whose control failed is not asked for more. What a formula gives is not verified before all that it was made of.
 */
import { wardOf } from '../../../laboratory/order.ts';
import { yearsAt } from '../../../laboratory/result/age.ts';
import { decide, toldBy, type Decision, type Facts, type Told } from '../../../laboratory/result/autoverify.ts';
import type { Evaluated } from '../../../laboratory/result/evaluate.ts';
import { repeated } from '../../../laboratory/result/follow-up.ts';
import { resultState } from '../../../laboratory/result/result-states.ts';
import { nameOf } from '../../../laboratory/result/value.ts';
import { catalogueSystem, codeIn, text } from '../../../laboratory/terms.ts';
import { isHeld } from '../quality/control-holds.ts';
import type { Known } from '../server-rights.ts';
import type { Background } from './background.ts';
import type { Entry } from './entry.ts';
import type { OrderedAnalyte } from './ordered-analytes.ts';
import type { Work } from './work-up.ts';

/** One result on its way. */
export interface Turn {
  readonly analyte: OrderedAnalyte;
  readonly result: Evaluated;
  readonly entry?: Entry;
  readonly existing?: Known;
  /** The measurement that this one repeats. */
  readonly first?: Known;
}

export interface Judged extends Turn {
  /** It was released: neither verified nor held again. */
  readonly corrected: boolean;
  readonly heldByControl: boolean;
  /** The rule that asks for a repetition. */
  readonly repeat?: Told;
  readonly decision?: Decision;
  readonly verified: boolean;
  readonly facts: Facts;
  /** Of a formula: a value that it was made of is held, or waits for a person. */
  readonly unsure?: 'held' | 'waits';
}

export function judgedBy(background: Background, work: Work, turns: readonly Turn[]): Judged[] {
  const now = new Set(turns.map(({ result }) => nameOf(result.definition)));
  const open = new Map<string, 'held' | 'waits'>(
    background.existing.flatMap(({ resource }) => {
      const [code, state] = [codeIn(resource['code'], catalogueSystem), resultState(resource)];
      const isOpen = !['released', 'withdrawn', 'cancelled'].includes(state);
      return code === undefined || now.has(code) || !isOpen ? [] : [[code, state === 'held' ? 'held' : 'waits']];
    }),
  );
  return turns.map((turn) => {
    const one = judged(background, work, turn, open);
    const isHeldNow = one.heldByControl || one.repeat !== undefined || one.unsure === 'held';
    if (!one.verified && !one.corrected) open.set(nameOf(turn.result.definition), isHeldNow ? 'held' : 'waits');
    return one;
  });
}

function judged(background: Background, work: Work, turn: Turn, open: ReadonlyMap<string, 'held' | 'waits'>): Judged {
  const { result, existing } = turn;
  const { rules, holds } = background;
  const name = nameOf(result.definition);
  const corrected = existing !== undefined && resultState(existing.resource) === 'released';
  const heldByControl = !corrected && isHeld(holds, name, work.device);
  const facts = factsOf(background, work, turn);
  const inputs = result.calculated ? (result.definition.calculation?.inputs ?? []) : [];
  const unsure = unsureOf(inputs.flatMap(({ analyte }) => open.get(analyte) ?? []));
  const asks = !corrected && !heldByControl && !result.calculated && !isRepetition(turn);
  const repeat = asks ? toldBy(rules.repeat, facts).find(({ holds: asked }) => asked) : undefined;
  const isAsked = !corrected && rules.verification.length > 0 && !isForAPerson(work, result);
  const decision = isAsked ? decide(rules.verification, facts) : undefined;
  const verified = decision?.verified === true && !heldByControl && repeat === undefined && unsure === undefined;
  return {
    ...{ ...turn, corrected, heldByControl, verified, facts },
    ...(unsure !== undefined && { unsure }),
    ...(repeat !== undefined && { repeat }),
    ...(decision !== undefined && { decision }),
  };
}

function unsureOf(inputs: readonly ('held' | 'waits')[]): Judged['unsure'] {
  return inputs.find((one) => one === 'held') ?? inputs[0];
}

/** Also one that is entered once more. */
function isRepetition({ first, existing }: Turn): boolean {
  return first !== undefined || (existing !== undefined && repeated(existing.resource) !== undefined);
}

/** What grew, or may have: a text about a culture says neither unless $enter-culture asked for it. */
function isForAPerson({ grew }: Work, { definition, checked }: Evaluated): boolean {
  return grew ?? (definition.section === 'microbiology' && checked.element['valueString'] !== undefined);
}

function factsOf({ patient, controls }: Background, work: Work, { result, entry, analyte }: Turn): Facts {
  const { definition, checked, code, critical, delta } = result;
  const [age, sex] = [yearsAt(text(patient['birthDate']), work.at), text(patient['gender'])];
  const control = controls.get(nameOf(definition));
  const ward = wardOf(analyte.order.resource);
  const plain = checked.comparator === undefined ? checked.value : undefined;
  return {
    analyte: nameOf(definition),
    critical,
    delta: delta.length > 0,
    flags: entry?.flags ?? [],
    manual: work.device === undefined && !result.calculated,
    calculated: result.calculated,
    ...(definition.section !== undefined && { section: definition.section }),
    ...(plain !== undefined && { value: plain }),
    ...(code !== undefined && { interpretation: code }),
    ...(control !== undefined && { control }),
    ...(age !== undefined && { age }),
    ...(sex !== undefined && { sex }),
    ...(ward !== undefined && { ward }),
  };
}
