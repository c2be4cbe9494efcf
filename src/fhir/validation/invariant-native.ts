/**
 * Constraints as functions, by the FHIRPath text they stand for: those met in most resources, and those whose FHIRPath
 * would take quadratic time (isDistinct, %resource inside a loop). A differential test proves them equal to FHIRPath.
 */
import { shapeOf } from '../definitions.ts';
import type { JsonObject, JsonValue } from '../json.ts';
import type { Context } from './context.ts';
import { bundleConstraints } from './invariant-bundle.ts';
import { distinctConstraints } from './invariant-distinct.ts';
import { canonicalText, has, list, objectOf, type ObjectPredicate, type Predicate } from './invariant-members.ts';

/** The same for a choice of a type: any of its members. */
export function hasChoice(typeName: string, name: string): (object: JsonObject) => boolean {
  let names: ReadonlySet<string> | undefined;
  return (object) => {
    names ??= new Set(
      [...shapeOf(typeName)!.properties.values()]
        .filter((property) => property.element.name === name)
        .flatMap((property) => [property.name, `_${property.name}`]),
    );
    // An extension has 100 such names and two members, so its members are looked up among the names.
    for (const key in object) if (names.has(key)) return true;
    return false;
  };
}

const extensionHasValue = hasChoice('Extension', 'value');
const observationHasValue = hasChoice('Observation', 'value');

function codings(concept: JsonValue | undefined): JsonObject[] {
  return list(objectOf(concept)['coding']);
}

/** obs-7: no component repeats the code of the Observation while the Observation has a value itself. */
function componentRepeatsCode(observation: JsonObject): boolean {
  const components = list(observation['component']);
  if (components.length === 0) return false;
  const own = new Set(codings(observation['code']).map(canonicalText));
  return components.some((component) => codings(component['code']).some((coding) => own.has(canonicalText(coding))));
}

function noHomeUse(value: JsonObject): boolean {
  return value['use'] !== 'home';
}

const general: Readonly<Record<string, ObjectPredicate>> = {
  'extension.exists() != value.exists()': (value) => has(value, 'extension') !== extensionHasValue(value),
  'code.empty() or system.exists()': (value) => !has(value, 'code') || has(value, 'system'),
  'data.empty() or contentType.exists()': (value) => !has(value, 'data') || has(value, 'contentType'),
  'value.empty() or system.exists()': (value) => !has(value, 'value') || has(value, 'system'),
  '(numerator.empty() xor denominator.exists()) and (numerator.exists() or extension.exists())': (value) =>
    has(value, 'numerator') === has(value, 'denominator') && (has(value, 'numerator') || has(value, 'extension')),
  'low.exists() or high.exists() or text.exists()': (value) =>
    has(value, 'low') || has(value, 'high') || has(value, 'text'),
  'dataAbsentReason.empty() or value.empty()': (value) =>
    !has(value, 'dataAbsentReason') || !observationHasValue(value),
  'value.empty() or component.code.where(coding.intersect(%resource.code.coding).exists()).empty()': (value) =>
    !observationHasValue(value) || !componentRepeatsCode(value),
  'name.exists() or telecom.exists() or address.exists() or organization.exists()': (value) =>
    has(value, 'name') || has(value, 'telecom') || has(value, 'address') || has(value, 'organization'),
  'orderDetail.empty() or code.exists()': (value) => !has(value, 'orderDetail') || has(value, 'code'),
  '(identifier.count() + name.count()) > 0': (value) => has(value, 'identifier') || has(value, 'name'),
  "where(use = 'home').empty()": noHomeUse,
};

/** By expression. Values that are no objects have been reported already; constraints on them hold. */
export const natives: ReadonlyMap<string, Predicate> = new Map(
  Object.entries({ ...general, ...bundleConstraints, ...distinctConstraints }).map(([expression, predicate]) => [
    expression,
    (value: JsonValue, context: Context) => typeof value !== 'object' || predicate(value as JsonObject, context),
  ]),
);
