/**
 * Compiles the Shape of a type into a function that checks an object: names, kinds, cardinality, choices, constraints.
 * https://hl7.org/fhir/R4/json.html, https://hl7.org/fhir/R4/conformance-rules.html#cardinality
 *
 * Decision: closures, compiled for each type when it is first met. Rejected: ajv on the published JSON schema (3.8 s to
 * compile one type, knows neither bindings nor constraints nor primitive extensions); generated source text (no faster
 * here, since most time goes into the primitives, and it cannot be read or stepped through).
 */
import { type Element, type Property, propertyShape, type Shape, shapeOf } from '../definitions.ts';
import type { JsonObject, JsonValue } from '../json.ts';
import { bindingCheck } from './binding.ts';
import { type Context, kindOf, report, reportMember } from './context.ts';
import { elementInvariants, type Invariant, runInvariants, typeInvariants } from './invariant.ts';
import { type MemberCheck, primitiveExtensionMember, primitiveMember } from './primitive-member.ts';
import { targetCheck } from './reference.ts';
import { checkKnownExtension } from './profile.ts';
import { checkNestedResource } from './resource.ts';

export type ValueCheck = (value: JsonValue, context: Context) => void;

/** How one JSON member is checked; the two members of a primitive (`x`, `_x`) are two of these. */
interface Member {
  element: Element;
  /** Of a choice: one bit for all its members, 0 for other elements. */
  choice: number;
  check: MemberCheck;
}

/** An element that must be there, with the JSON names that count as its presence. */
interface Required {
  element: Element;
  names: readonly string[];
}

const compiled = new WeakMap<Shape, ValueCheck>();

/** The check of a complex value of this type. */
export function typeCheck(shape: Shape): ValueCheck {
  const known = compiled.get(shape);
  if (known !== undefined) return known;
  const check = compileType(shape);
  compiled.set(shape, check);
  return check;
}

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The check of the Element beside a primitive value (`_birthDate`), where an id alone is enough. */
let besideValue: ValueCheck | undefined;

export function checkBesideValue(value: JsonValue, context: Context): void {
  besideValue ??= compileType(shapeOf('Element')!, true);
  besideValue(value, context);
}

function compileType(shape: Shape, idIsContent = false): ValueCheck {
  const members = compileMembers(shape);
  const required = requiredElements(shape);
  const invariants = typeInvariants(shape);
  const isResource = shape.properties.get('id')?.type.code === 'id';
  return (value, context) => {
    if (!isObject(value)) {
      report(context, 'structure', `must be an object (${shape.typeName}), not ${kindOf(value)}.`);
      return;
    }
    const content = checkMembers(value, context, members, isResource);
    if (content === 0 && !isResource && !(idIsContent && value['id'] !== undefined)) {
      report(context, 'structure', emptyRule(value));
    }
    for (const item of required) {
      if (item.names.every((name) => value[name] === undefined)) reportMissing(item.element, context);
    }
    if (invariants.length > 0) runInvariants(invariants, value, context);
  };
}

function emptyRule(value: JsonObject): string {
  return value['id'] === undefined
    ? 'must not be empty: leave out what has no content.'
    : 'must have a value or children besides its id (ele-1).';
}

function reportMissing(element: Element, context: Context): void {
  reportMember(context, element.name, 'required', `is required (${element.min}..${element.max === 1 ? 1 : '*'}).`);
}

/** Checks every member and counts those that are content, that is other than `id`. */
function checkMembers(
  object: JsonObject,
  context: Context,
  members: ReadonlyMap<string, Member>,
  isResource: boolean,
): number {
  let content = 0;
  let choices = 0;
  let clashes: Element[] | undefined;
  for (const key in object) {
    const value = object[key];
    if (value === undefined) continue;
    const member = members.get(key);
    if (member === undefined) {
      if (!isResource || key !== 'resourceType') reportMember(context, key, 'structure', 'is no element of this type.');
      content += 1;
      continue;
    }
    if (key !== 'id') content += 1;
    if (member.choice !== 0) {
      if ((choices & member.choice) !== 0) (clashes ??= []).push(member.element);
      choices |= member.choice;
    }
    member.check(value, object, context);
  }
  if (clashes !== undefined) for (const element of new Set(clashes)) checkOneChoice(object, element, context);
  return content;
}

/** Two members of one choice: right only when they are `valueString` and its `_valueString`. */
function checkOneChoice(object: JsonObject, element: Element, context: Context): void {
  const present = Object.keys(object).filter((key) => isOfChoice(key.replace(/^_/, ''), element));
  const distinct = [...new Set(present.map((key) => key.replace(/^_/, '')))];
  if (distinct.length > 1) {
    reportMember(context, element.name, 'structure', `must have one type only, not ${distinct.join(' and ')}.`);
  }
}

function isOfChoice(key: string, element: Element): boolean {
  return element.types.some((type) => key === element.name + type.code.charAt(0).toUpperCase() + type.code.slice(1));
}

function compileMembers(shape: Shape): Map<string, Member> {
  const members = new Map<string, Member>();
  const choices = shape.elements.filter((element) => element.choice);
  for (const property of shape.properties.values()) {
    const { element, name } = property;
    const choice = element.choice ? 1 << choices.indexOf(element) : 0;
    if (isPrimitiveProperty(property)) {
      const invariants = elementInvariants(element, undefined);
      const binding = bindingCheck(element, property.type.code);
      members.set(name, { element, choice, check: primitiveMember(property, binding, invariants) });
      // What XML writes as an attribute has no place for extensions.
      if (element.isXmlAttribute) continue;
      members.set(`_${name}`, { element, choice, check: primitiveExtensionMember(property) });
    } else {
      members.set(name, { element, choice, check: complexMember(element, complexValue(property)) });
    }
  }
  return members;
}

function isPrimitiveProperty(property: Property): boolean {
  return property.type.code !== 'Resource' && propertyShape(property) === undefined;
}

/** The one profile that the base definitions put on types of elements. */
const SIMPLE_QUANTITY = 'http://hl7.org/fhir/StructureDefinition/SimpleQuantity';

/** The check of one value of a complex property. */
function complexValue(property: Property): ValueCheck {
  const { element, type } = property;
  if (type.code === 'Resource') return checkNestedResource;
  const shape = propertyShape(property);
  if (shape === undefined) throw new Error(`${element.path} has the unknown type ${type.code}.`);
  const binding = bindingCheck(element, type.code);
  const targets = type.code === 'Reference' ? targetCheck(type) : undefined;
  const isExtension = type.code === 'Extension';
  const isSimple = type.profiles?.includes(SIMPLE_QUANTITY) === true;
  let check: ValueCheck | undefined;
  let invariants: Invariant[] | undefined;
  return (value, context) => {
    check ??= typeCheck(shape);
    invariants ??= elementInvariants(element, shape);
    check(value, context);
    if (!isObject(value)) return;
    if (targets !== undefined) targets(value, context);
    if (isExtension) checkKnownExtension(value, context);
    if (isSimple && value['comparator'] !== undefined) {
      reportMember(context, 'comparator', 'invariant', 'must not be used: this is a SimpleQuantity (sqty-1).');
    }
    if (binding !== undefined) binding(value, context);
    if (invariants.length > 0) runInvariants(invariants, value, context);
  };
}

function complexMember(element: Element, check: ValueCheck): MemberCheck {
  const { name, max } = element;
  if (max <= 1) {
    return (value, _object, context) => {
      context.trail.push(name);
      if (Array.isArray(value)) report(context, 'structure', 'must be one object, not a list.');
      else check(value, context);
      context.trail.pop();
    };
  }
  return (value, _object, context) => {
    context.trail.push(name);
    checkList(value, max, context, check);
    context.trail.pop();
  };
}

function checkList(value: JsonValue, max: number, context: Context, check: ValueCheck): void {
  if (!Array.isArray(value)) {
    report(context, 'structure', `must be a list, not ${kindOf(value)}.`);
    return;
  }
  if (value.length === 0) report(context, 'structure', 'must not be an empty list: leave it out.');
  if (value.length > max) report(context, 'structure', `may occur ${max} times at most, not ${value.length}.`);
  for (let index = 0; index < value.length; index += 1) {
    context.trail.push(index);
    check(value[index] as JsonValue, context);
    context.trail.pop();
  }
}

function requiredElements(shape: Shape): Required[] {
  return shape.elements
    .filter((element) => element.min > 0)
    .map((element) => {
      const names = [...shape.properties.values()].filter((property) => property.element === element);
      return { element, names: names.flatMap(({ name }) => [name, `_${name}`]) };
    });
}
