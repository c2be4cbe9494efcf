/**
 * Applies the rules of a profile to the values of an object: counts, types, fixed values, patterns, bindings, constraints,
 * slices, and profiles of data types and extensions within.
 */
import { isPrimitive, type Shape, shapeOf, type TypeRef } from '../definitions.ts';
import type { JsonObject } from '../json.ts';
import { heldProfile } from '../profiles.ts';
import { bindingCheck } from './binding.ts';
import { type Context, report } from './context.ts';
import { type Invariant, profileInvariants, runInvariants } from './invariant.ts';
import { isFixed, matchesPattern } from './pattern.ts';
import { type Profile, profileOf, type Rule } from './profile-rule.ts';
import { belongsTo, type ProfileLookup, slicingOf } from './profile-slice.ts';
import { type Held, pathName, valuesOf } from './profile-value.ts';
import { targetCheck } from './reference.ts';
import { isObject, type ValueCheck } from './type.ts';

export const BASE = 'http://hl7.org/fhir/StructureDefinition/';

/** A profile of R4's own types, which the walk through the resource has checked. */
export function isBaseType(url: string): boolean {
  const name = url.startsWith(BASE) ? url.slice(BASE.length) : '';
  return isPrimitive(name) || shapeOf(name) !== undefined;
}

/** The definition of a profile: one that came with the request first, then those held here. */
export function definitionOf(canonical: string, context: Context): JsonObject | undefined {
  return context.profileSource?.(canonical) ?? heldProfile(canonical);
}

/** What rules are applied to: an object and its type. */
export interface Subject {
  members: JsonObject;
  shape: Shape;
  /** Of profiles within profiles: those that name each other end. */
  depth: number;
}

const DEEPEST = 8;

export function applyProfile(profile: Profile, subject: Subject, context: Context): void {
  if (subject.depth > DEEPEST) return;
  const deeper = { ...subject, depth: subject.depth + 1 };
  const base = isBaseType(profile.base) ? undefined : definitionOf(profile.base, context);
  if (base !== undefined) applyProfile(profileOf(base), deeper, context);
  runInvariants(invariantsOf(profile.root, subject.shape.path), subject.members, context);
  for (const child of profile.root.children) applyRule(child, deeper, context);
}

/** Checks an element of an object against its rule. */
function applyRule(rule: Rule, subject: Subject, context: Context): void {
  const items = valuesOf(subject.members, subject.shape, rule.name);
  context.trail.push(pathName(subject.shape, rule.name));
  checkCount(rule, items.length, context);
  for (const item of items) atItem(item, context, () => applyToValue(rule, item, subject.depth, context));
  if (rule.slices.length > 0) applySlices(rule, items, subject.depth, context);
  context.trail.pop();
}

function atItem(item: Held, context: Context, check: () => void): void {
  if (item.index !== undefined) context.trail.push(item.index);
  check();
  if (item.index !== undefined) context.trail.pop();
}

function checkCount(rule: Rule, count: number, context: Context): void {
  const slice = rule.slice === undefined ? '' : ` of the slice ${rule.slice}`;
  if (count < rule.min)
    report(context, 'required', `must occur ${rule.min} times at least${slice}, not ${count} (${rule.id}).`);
  if (count > rule.max)
    report(context, 'structure', `may occur ${rule.max} times at most${slice}, not ${count} (${rule.id}).`);
}

function applySlices(rule: Rule, items: readonly Held[], depth: number, context: Context): void {
  const slicing = slicingOf(rule);
  if (slicing === undefined) return;
  const lookup: ProfileLookup = { conforms: (item, profile) => conforms(item, profile, depth, context) };
  const open = new Set(items);
  for (const slice of rule.slices) {
    const answers = items.map((item) => belongsTo(item, slice, slicing, lookup));
    const members = items.filter((_, index) => answers[index] === true);
    // Values that do not tell might belong to it, so a lack cannot be stated.
    if (!answers.includes(undefined) || members.length > slice.max) checkCount(slice, members.length, context);
    for (const item of members) {
      open.delete(item);
      atItem(item, context, () => applyToValue(slice, item, depth, context));
    }
    items.forEach((item, index) => answers[index] === undefined && open.delete(item));
    if (slice.slices.length > 0) applySlices(slice, members, depth, context);
  }
  if (slicing.rules !== 'closed') return;
  for (const item of open)
    atItem(item, context, () =>
      report(context, 'structure', `is in none of the slices that the profile allows (${rule.id}).`),
    );
}

/** Whether a value conforms to a profile of its type; undefined when the profile is not held. */
function conforms(item: Held, url: string, depth: number, context: Context): boolean | undefined {
  if (isBaseType(url)) return true;
  const definition = definitionOf(url, context);
  if (definition === undefined || item.members === undefined || item.shape === undefined) return undefined;
  const trial: Context = { ...context, trail: [...context.trail], issues: [], dropped: 0, warnings: false };
  applyProfile(profileOf(definition), { members: item.members, shape: item.shape, depth }, trial);
  return trial.issues.length === 0;
}

function applyToValue(rule: Rule, item: Held, depth: number, context: Context): void {
  const { value, members, shape, typeName } = item;
  checkType(rule, item, depth, context);
  if (rule.fixed !== undefined && !isFixed(value, rule.fixed)) {
    report(context, 'value', `must be exactly ${shown(rule.fixed)} (${rule.id}).`);
  }
  if (rule.pattern !== undefined && !matchesPattern(value, rule.pattern)) {
    report(context, 'value', `must match ${shown(rule.pattern)} (${rule.id}).`);
  }
  if (value !== undefined) {
    bindingOfRule(rule, item)?.(value, context);
    runInvariants(invariantsOf(rule, typeName), value, context);
  }
  if (members === undefined || shape === undefined) {
    for (const child of rule.children) if (child.min > 0) reportLack(child, context);
    return;
  }
  for (const child of rule.children) applyRule(child, { members, shape, depth }, context);
}

function reportLack(child: Rule, context: Context): void {
  context.trail.push(child.name.replace(/\[x\]$/, ''));
  checkCount(child, 0, context);
  context.trail.pop();
}

function shown(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

/** The type, its profiles and the targets of references. */
function checkType(rule: Rule, item: Held, depth: number, context: Context): void {
  if (rule.types.length === 0) return;
  const type = rule.types.find(({ code }) => isOfType(item, code));
  if (type === undefined) {
    const names = rule.types.map(({ code }) => code).join(', ');
    report(context, 'structure', `must be of the type ${names}, not ${item.property.type.code} (${rule.id}).`);
    return;
  }
  if (type.targets !== undefined && item.members !== undefined && type.code === 'Reference')
    targetCheck(type)(item.members, context);
  checkTypeProfiles(type, item, depth, context);
}

function isOfType({ property, value }: Held, code: string): boolean {
  const { code: own } = property.type;
  if (own === 'Resource') return code === 'Resource' || (isObject(value) && value['resourceType'] === code);
  // A profile may name the System type or the base of a primitive (id as string); the walk has checked the type itself.
  return own === code || (!property.element.choice && isPrimitive(own) && isPrimitive(code));
}

function checkTypeProfiles({ profiles }: TypeRef, item: Held, depth: number, context: Context): void {
  if (profiles === undefined || item.members === undefined || item.shape === undefined) return;
  const [only] = profiles;
  const definition = only === undefined ? undefined : definitionOf(only, context);
  if (profiles.length === 1 && definition !== undefined) {
    applyProfile(profileOf(definition), { members: item.members, shape: item.shape, depth }, context);
  } else if (profiles.length > 1 && profiles.every((url) => conforms(item, url, depth, context) === false)) {
    report(context, 'structure', `must conform to one of the profiles ${profiles.join(', ')}.`);
  }
}

const bindings = new WeakMap<Rule, Map<string, ValueCheck | undefined>>();

function bindingOfRule(rule: Rule, { property }: Held): ValueCheck | undefined {
  if (rule.binding === undefined) return undefined;
  const { code } = property.type;
  const known = bindings.get(rule) ?? new Map<string, ValueCheck | undefined>();
  bindings.set(rule, known);
  if (!known.has(code)) known.set(code, bindingCheck({ ...property.element, binding: rule.binding }, code));
  return known.get(code);
}

const invariants = new WeakMap<Rule, Map<string, Invariant[]>>();

function invariantsOf(rule: Rule, typeName: string): Invariant[] {
  const known = invariants.get(rule) ?? new Map<string, Invariant[]>();
  invariants.set(rule, known);
  const found = known.get(typeName) ?? profileInvariants(rule.constraints, typeName);
  known.set(typeName, found);
  return found;
}
