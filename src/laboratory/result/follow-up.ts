/**
 * What follows from a result before a person sees it: reflex tests and repetitions, as rules that are data.
 *
 * Rules are active PlanDefinitions (`type` eca-rule) of the topic `urn:makhbar:laboratory|reflex` or `…|repeat`. Each action
 * has a title and a condition in FHIRPath with the variables of autoverify.ts; a reflex names by `code` the tests or panels
 * of the catalogue that are ordered.
 *
 * 1. A test is added to a specimen, or follows from an order, once: reflexes of reflexes come to an end.
 * 2. A result is repeated once for an order. The first value is kept in an Observation that is cancelled, and the second
 *    names it; until then the first is held.
 * 3. A reflex that cannot be evaluated orders nothing and says so; a repeat rule that cannot be holds the result.
 */
import type { JsonObject } from '../../fhir/json.ts';
import { codings, extensions, extensionUrl, object, objects, text } from '../terms.ts';
import { autoverificationCode, isRules, readRules, type VerificationRule } from './autoverify.ts';
import { afterResultStep, remarked } from './observation.ts';

export const reflexCode = 'reflex';
/** The Task that waits for a second measurement. */
export const repetition = { system: 'urn:makhbar:task', code: 'repeat-result' } as const;

export const repeatCode = 'repeat';

export interface ReflexRule extends VerificationRule {
  /** What is ordered, as `system|code`. */
  readonly tests: readonly string[];
}

export interface ResultRules {
  readonly verification: readonly VerificationRule[];
  readonly reflex: readonly ReflexRule[];
  readonly repeat: readonly VerificationRule[];
}

export function readResultRules(plans: readonly JsonObject[]): ResultRules {
  const of = (topic: string): JsonObject[] => plans.filter((plan) => isRules(plan, topic));
  return {
    verification: of(autoverificationCode).flatMap(readRules),
    reflex: of(reflexCode).flatMap(readReflexes),
    repeat: of(repeatCode).flatMap(readRules),
  };
}

export function readReflexes(plan: JsonObject): ReflexRule[] {
  return objects(plan['action']).flatMap((action) => {
    const tests = objects(action['code'])
      .flatMap(codings)
      .map(({ system, code }) => `${text(system) ?? ''}|${text(code) ?? ''}`);
    return tests.length === 0 ? [] : readRules({ action: [action] }).map((rule) => ({ ...rule, tests }));
  });
}

/** A result that is held until it is measured again. */
export function toRepeat(observation: JsonObject, because: string): JsonObject {
  return remarked(withRepeat(observation, { valueString: because }), `Repeat: ${because}`);
}

export function isToRepeat(observation: JsonObject): boolean {
  return marks(observation).some((mark) => mark['valueString'] !== undefined);
}

/** `Observation/1` that this one repeats. */
export function repeated(observation: JsonObject): string | undefined {
  return marks(observation).flatMap((mark) => text(object(mark['valueReference'])['reference']) ?? [])[0];
}

export function repeating(observation: JsonObject, first: string): JsonObject {
  return withRepeat(observation, { valueReference: { reference: first } });
}

/** The first value, after the second is there. @throws OutcomeError `conflict` where it has been released. */
export function keptFirst(observation: JsonObject): JsonObject {
  return remarked(afterResultStep(observation, 'cancel'), 'Kept: the measurement was repeated.');
}

/** A person says that it needs no repetition. @throws OutcomeError `conflict` where it is not held. */
export function withoutRepetition(observation: JsonObject): JsonObject {
  return withRepeat(afterResultStep(observation, 'unhold'), undefined);
}

function marks(observation: JsonObject): JsonObject[] {
  return extensions(observation, 'repeat');
}

function withRepeat(observation: JsonObject, value: JsonObject | undefined): JsonObject {
  const url = extensionUrl('repeat');
  const others = objects(observation['extension']).filter((one) => one['url'] !== url);
  return { ...observation, extension: value === undefined ? others : [...others, { url, ...value }] };
}
