/**
 * Turns the StructureDefinition of a profile into a tree of rules, one for each element or slice that it constrains.
 *
 * Decision: the differential is taken, not the snapshot, and the profile's base is applied besides: what the base says is
 * checked once, and profiles without a snapshot work. A profile that has only a snapshot is read from that.
 * https://hl7.org/fhir/R4/profiling.html#resources, https://hl7.org/fhir/R4/elementdefinition.html#slicing
 */
import type { Binding, Constraint, TypeRef } from '../definitions.ts';
import { bindingOf, type ElementDefinition, typesOf } from '../definitions-shape.ts';
import type { JsonObject, JsonValue } from '../json.ts';

export interface Discriminator {
  type: 'value' | 'exists' | 'pattern' | 'type' | 'profile';
  path: string;
}

export interface Slicing {
  discriminators: Discriminator[];
  rules: 'closed' | 'open' | 'openAtEnd';
}

export interface Rule {
  /** As the element's id: `Observation.component:systolic.value[x]`. */
  id: string;
  /** `component`, `value[x]` or `valueQuantity`. */
  name: string;
  slice: string | undefined;
  min: number;
  max: number;
  types: TypeRef[];
  fixed: JsonValue | undefined;
  pattern: JsonValue | undefined;
  binding: Binding | undefined;
  constraints: Constraint[];
  slicing: Slicing | undefined;
  children: Rule[];
  slices: Rule[];
}

export interface ProfileElement extends ElementDefinition {
  slicing?: { discriminator?: Discriminator[]; rules?: Slicing['rules'] };
  [key: string]: unknown;
}

export interface Profile {
  url: string;
  type: string;
  base: string;
  root: Rule;
}

function emptyRule(id: string, name: string, slice: string | undefined): Rule {
  return {
    ...{ id, name, slice, min: 0, max: Infinity, types: [], constraints: [], children: [], slices: [] },
    ...{ fixed: undefined, pattern: undefined, binding: undefined, slicing: undefined },
  };
}

/** The value of `fixed[x]` or `pattern[x]`. */
function valueOf(element: ProfileElement, prefix: 'fixed' | 'pattern'): JsonValue | undefined {
  const key = Object.keys(element).find((name) => name.startsWith(prefix) && /[A-Z]/.test(name.charAt(prefix.length)));
  return key === undefined ? undefined : (element[key] as JsonValue);
}

function setRule(rule: Rule, element: ProfileElement, url: string): void {
  if (element.min !== undefined) rule.min = element.min;
  if (element.max !== undefined) rule.max = element.max === '*' ? Infinity : Number(element.max);
  rule.types = typesOf(element);
  rule.fixed = valueOf(element, 'fixed');
  rule.pattern = valueOf(element, 'pattern');
  rule.binding = bindingOf(element);
  rule.constraints = (element.constraint ?? []).flatMap(({ expression, source, ...constraint }) =>
    expression === undefined || (source !== undefined && source !== url) ? [] : [{ ...constraint, expression }],
  );
  const { slicing } = element;
  if (slicing !== undefined) {
    rule.slicing = { discriminators: slicing.discriminator ?? [], rules: slicing.rules ?? 'open' };
  }
}

/** The steps of an element id; snapshots of old tools have no ids, then the path and the slice name stand for it. */
function stepsOf(element: ProfileElement): string[] {
  const id = element.id ?? (element.sliceName === undefined ? element.path : `${element.path}:${element.sliceName}`);
  return id.split('.').slice(1);
}

function childOf(parent: Rule, name: string): Rule {
  const found = parent.children.find((child) => child.name === name);
  if (found !== undefined) return found;
  const child = emptyRule(`${parent.id}.${name}`, name, undefined);
  parent.children.push(child);
  return child;
}

function sliceOf(element: Rule, slice: string): Rule {
  const found = element.slices.find((item) => item.slice === slice);
  if (found !== undefined) return found;
  const rule = emptyRule(`${element.id}:${slice}`, element.name, slice);
  element.slices.push(rule);
  return rule;
}

function ruleAt(root: Rule, steps: readonly string[]): Rule {
  let rule = root;
  for (const step of steps) {
    const [name = '', slice] = step.split(':');
    const element = childOf(rule, name);
    rule = slice === undefined ? element : sliceOf(element, slice);
  }
  return rule;
}

const compiled = new WeakMap<JsonObject, Profile>();

/** The rules of a profile. */
export function profileOf(definition: JsonObject): Profile {
  const known = compiled.get(definition);
  if (known !== undefined) return known;
  const { url, type, baseDefinition, differential, snapshot } = definition as unknown as {
    url: string;
    type: string;
    baseDefinition?: string;
    differential?: { element?: ProfileElement[] };
    snapshot?: { element?: ProfileElement[] };
  };
  const root = emptyRule(type, type, undefined);
  for (const element of differential?.element ?? snapshot?.element ?? []) {
    setRule(ruleAt(root, stepsOf(element)), element, url);
  }
  const profile = { url, type, base: baseDefinition ?? '', root };
  compiled.set(definition, profile);
  return profile;
}
