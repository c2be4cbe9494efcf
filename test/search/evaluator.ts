/**
 * A second, naive answer to a search: every condition is evaluated on the resources in memory. Values are found by the
 * expression engine, not by the index's walk, and compared without hashes, floats or SQL.
 */
import type { JsonObject } from '../../src/fhir/json.ts';
import { numberText } from '../../src/fhir/json.ts';
import { compilePath } from '../../src/fhir/path/compile.ts';
import { rootNode, type Node } from '../../src/fhir/path/node.ts';
import type {
  ChainCondition,
  CompartmentCondition,
  CompositeCondition,
  Condition,
  DateValue,
  HasCondition,
  NumberValue,
  Prefix,
  QuantityValue,
  ReferenceValue,
  RowLeaf,
  StringMode,
  TokenValue,
} from '../../src/search/ast.ts';
import { compare, parseDecimal, type Decimal } from '../../src/fhir/decimal.ts';
import { implicitInterval, tenPercent } from '../../src/search/number-interval.ts';
import { fold } from '../../src/search/fold.ts';
import { dateInterval, type Interval } from '../../src/search/interval.ts';
import type { ParameterPath } from '../../src/search/parameters.ts';
import { canonicalUnit } from '../../src/search/ucum.ts';

/** The resources that match, in no order. */
export function evaluate(
  condition: Condition,
  types: readonly string[],
  resources: readonly JsonObject[],
): JsonObject[] {
  return resources.filter(
    (resource) => types.includes(String(resource['resourceType'])) && holds(condition, resource, resources),
  );
}

/** Whether one resource matches, in a world of others that chains and `_has` may find. */
export function holds(condition: Condition, resource: JsonObject, world: readonly JsonObject[]): boolean {
  switch (condition.kind) {
    case 'all':
      return true;
    case 'none':
      return false;
    case 'and':
      return condition.parts.every((part) => holds(part, resource, world));
    case 'or':
      return condition.parts.some((part) => holds(part, resource, world));
    case 'not':
      return !holds(condition.part, resource, world);
    case 'type':
      return resource['resourceType'] === condition.type;
    case 'id':
      return condition.values.includes(String(resource['id']));
    case 'missing':
      return !condition.parameter.paths.some((path) => values(path, resource).some((node) => isPresent(node, path)));
    case 'composite':
      return composite(condition, resource);
    case 'chain':
      return chain(condition, resource, world);
    case 'has':
      return has(condition, resource, world);
    case 'compartment':
      return compartment(condition, resource);
    case 'near':
    case 'hierarchy':
    case 'value-set':
    case 'everything':
    case 'latest':
    case 'list':
    case 'words':
    case 'updated':
    case 'consent':
    case 'labels':
    case 'restricted':
    case 'linked':
      throw new Error(`The evaluator does not know ${condition.kind}.`);
    default:
      return leaf(condition, resource);
  }
}

const compiled = new Map<string, ReturnType<typeof compilePath>>();

/** The nodes at a path, of the target's type where the path asks for one. */
function values({ path, target }: ParameterPath, resource: JsonObject): readonly Node[] {
  const expression = path.expression.replace('Observation.component.value.ofType', 'component.value.ofType');
  const found = compiled.get(expression) ?? compilePath(expression);
  compiled.set(expression, found);
  const root = rootNode(resource);
  const nodes = [...found(root, { resource: root })];
  return target === undefined ? nodes : nodes.filter((node) => targetOf(node)?.type === target);
}

function isPresent(node: Node, { path }: ParameterPath): boolean {
  const value = node.value as JsonObject;
  switch (path.type) {
    case 'token':
      return tokens(node).length > 0 || texts(node).length > 0;
    case 'date':
      return intervalOf(node) !== undefined;
    case 'quantity':
    case 'number':
      return spanOf(node) !== undefined;
    case 'reference':
      return targetOf(node) !== undefined || value['identifier'] !== undefined;
    case 'string':
      return strings(node).length > 0;
    default:
      return true;
  }
}

function leaf(condition: RowLeaf, resource: JsonObject): boolean {
  return condition.paths.some((path) => values(path, resource).some((node) => matches(condition, node)));
}

function matches(condition: RowLeaf, node: Node): boolean {
  switch (condition.kind) {
    case 'token':
      return tokens(node).some((token) => condition.values.some((value) => tokenMatches(token, value)));
    case 'token-text':
      return texts(node).some((text) => condition.values.some((value) => fold(text).startsWith(value)));
    case 'of-type':
      return condition.values.some((value) => ofType(node, value));
    case 'string':
      return strings(node).some((text) => condition.values.some((value) => stringMatches(text, condition.mode, value)));
    case 'uri':
      return condition.values.some((value) => uriMatches(String(node.value), condition.mode, value));
    case 'date':
      return condition.values.some((value) => dateMatches(intervalOf(node), value));
    case 'number':
    case 'quantity':
      return condition.values.some((value) => quantityMatches(node, value));
    case 'reference':
      return condition.values.some((value) => referenceMatches(targetOf(node), value));
    case 'reference-identifier': {
      const identifier = (node.value as JsonObject)['identifier'] as JsonObject | undefined;
      return (
        identifier !== undefined && condition.values.some((value) => tokenMatches(identifierToken(identifier), value))
      );
    }
  }
}

interface Token {
  readonly system: string | undefined;
  readonly code: string;
}

const identifierToken = (value: JsonObject): Token => ({
  system: value['system'] as string | undefined,
  code: String(value['value'] ?? ''),
});

function tokens(node: Node): Token[] {
  const value = node.value as JsonObject;
  switch (node.type) {
    case 'CodeableConcept':
      return ((value['coding'] ?? []) as JsonObject[]).flatMap(codingTokens);
    case 'Coding':
      return codingTokens(value);
    case 'Identifier':
    case 'ContactPoint':
      return value['value'] === undefined ? [] : [identifierToken(value)];
    default:
      return [{ system: undefined, code: String(node.value) }];
  }
}

function codingTokens({ system, code }: JsonObject): Token[] {
  return code === undefined ? [] : [{ system: system as string | undefined, code: String(code) }];
}

function tokenMatches({ system, code }: Token, value: TokenValue): boolean {
  if (value.code !== undefined && value.code.toLowerCase() !== code.toLowerCase()) return false;
  if (value.system === undefined) return true;
  return value.system === null ? system === undefined : system === value.system;
}

function texts({ type, value }: Node): string[] {
  const object = value as JsonObject;
  const codings = (
    type === 'CodeableConcept' ? (object['coding'] ?? []) : type === 'Coding' ? [object] : []
  ) as JsonObject[];
  const identified = type === 'Identifier' ? (object['type'] as JsonObject | undefined) : undefined;
  const own = type === 'CodeableConcept' ? object['text'] : identified?.['text'];
  const displays = [...codings, ...((identified?.['coding'] ?? []) as JsonObject[])].map((coding) => coding['display']);
  return [own, ...displays].filter((text) => typeof text === 'string');
}

function ofType({ value }: Node, wanted: { system: string; code: string; value: string }): boolean {
  const identifier = value as JsonObject;
  const codings = ((identifier['type'] as JsonObject | undefined)?.['coding'] ?? []) as JsonObject[];
  return (
    String(identifier['value']).toLowerCase() === wanted.value.toLowerCase() &&
    codings.some(({ system, code }) => (system ?? '') === wanted.system && code === wanted.code)
  );
}

function strings({ type, value }: Node): string[] {
  const object = value as JsonObject;
  const parts: Record<string, string[]> = {
    HumanName: ['text', 'family', 'given', 'prefix', 'suffix'],
    Address: ['text', 'line', 'city', 'district', 'state', 'postalCode', 'country'],
  };
  const names = parts[type];
  const found = names === undefined ? [value] : names.flatMap((name) => object[name] ?? []);
  return found.filter((text) => typeof text === 'string');
}

function stringMatches(text: string, mode: StringMode, value: string): boolean {
  if (mode === 'exact') return text === value;
  return mode === 'starts' ? fold(text).startsWith(value) : fold(text).includes(value);
}

function uriMatches(uri: string, mode: 'equal' | 'above' | 'below', value: string): boolean {
  const folder = (text: string): string => (text.endsWith('/') ? text : `${text}/`);
  if (mode === 'equal') return uri === value;
  return mode === 'below'
    ? uri === value || uri.startsWith(folder(value))
    : uri === value || folder(value).startsWith(folder(uri));
}

function intervalOf({ type, value }: Node): Interval | undefined {
  if (type === 'Period') {
    const { start, end } = value as JsonObject;
    if (start === undefined && end === undefined) return undefined;
    const low = start === undefined ? -Infinity : dateInterval(String(start), 'UTC')?.low;
    const high = end === undefined ? Infinity : dateInterval(String(end), 'UTC')?.high;
    return low === undefined || high === undefined ? undefined : { low, high };
  }
  return typeof value === 'string' ? dateInterval(value, 'UTC') : undefined;
}

function dateMatches(target: Interval | undefined, { prefix, interval: { low, high } }: DateValue): boolean {
  if (target === undefined) return false;
  const contained = low <= target.low && target.high <= high;
  const after = target.high > high;
  const before = target.low < low;
  return {
    eq: contained,
    ne: !contained,
    gt: after,
    lt: before,
    ge: after || contained,
    le: before || contained,
    sa: target.low >= high,
    eb: target.high <= low,
    ap: target.low < high && target.high > low,
  }[prefix];
}

interface Span {
  readonly low: Decimal | undefined;
  readonly high: Decimal | undefined;
  readonly quantity: JsonObject;
}

function spanOf({ type, value, parent, key }: Node): Span | undefined {
  if (typeof value === 'number') {
    const number = parent === undefined ? undefined : parseDecimal(numberText(parent, key));
    return number && { low: number, high: number, quantity: {} };
  }
  const quantity = value as JsonObject;
  if (type === 'Range' || quantity['value'] === undefined) return undefined;
  const number = parseDecimal(numberText(quantity, 'value'));
  const comparator = String(quantity['comparator'] ?? '');
  return {
    low: comparator.startsWith('<') ? undefined : number,
    high: comparator.startsWith('>') ? undefined : number,
    quantity,
  };
}

function quantityMatches(node: Node, value: NumberValue | QuantityValue): boolean {
  const span = spanOf(node);
  if (span === undefined) return false;
  const unit = 'unit' in value ? value.unit : undefined;
  if (unit === undefined) return spanMatches(span, value.prefix, value.value, (number) => number);
  const { system, code, unit: label } = span.quantity;
  if (unit.system === undefined)
    return (
      (code === unit.code || label === unit.code) && spanMatches(span, value.prefix, value.value, (number) => number)
    );
  const wanted = unit.system === 'http://unitsofmeasure.org' ? canonicalUnit(unit.code) : undefined;
  const stored = canonicalUnit(String(code));
  if (system === unit.system && wanted !== undefined && stored?.key === wanted.key) {
    const canonical = { low: span.low && stored.convert(span.low), high: span.high && stored.convert(span.high) };
    return spanMatches({ ...span, ...canonical }, value.prefix, value.value, wanted.convert);
  }
  return (
    system === unit.system &&
    code === unit.code &&
    wanted === undefined &&
    spanMatches(span, value.prefix, value.value, (number) => number)
  );
}

/** An open end is beyond every bound. */
function spanMatches(
  { low, high }: Span,
  prefix: Prefix,
  value: Decimal,
  convert: (number: Decimal) => Decimal,
): boolean {
  const lowTo = (bound: Decimal): number => (low === undefined ? -1 : compare(low, convert(bound)));
  const highTo = (bound: Decimal): number => (high === undefined ? 1 : compare(high, convert(bound)));
  const near = prefix === 'ap' ? tenPercent(value) : implicitInterval(value);
  const contained = lowTo(near.low) >= 0 && highTo(near.high) < 0;
  return {
    eq: contained,
    ne: !contained,
    gt: highTo(value) > 0,
    lt: lowTo(value) < 0,
    ge: highTo(value) >= 0,
    le: lowTo(value) <= 0,
    sa: lowTo(value) > 0,
    eb: highTo(value) < 0,
    ap: lowTo(near.high) <= 0 && highTo(near.low) >= 0,
  }[prefix];
}

interface Target {
  readonly type: string | undefined;
  readonly id: string;
  readonly version: string | undefined;
}

function targetOf(node: Node): Target | undefined {
  const reference = (node.value as JsonObject)['reference'];
  if (typeof reference !== 'string') return undefined;
  const [type, id, , version] = reference.split('/');
  return /^[a-z]+:/.test(reference) || id === undefined
    ? { type: undefined, id: reference, version: undefined }
    : { type, id, version };
}

function referenceMatches(target: Target | undefined, { type, id, version }: ReferenceValue): boolean {
  if (target === undefined || target.id !== id) return false;
  if (type === null ? target.type !== undefined : type !== undefined && target.type !== type) return false;
  return version === undefined || target.version === version;
}

/** The resource with only one repetition of the element that the composite is about, for each of them. */
function composite({ components }: CompositeCondition, resource: JsonObject): boolean {
  const base = components[0]?.paths[0]?.path.key.split('.')[1] ?? '';
  const repetitions = (resource[base] ?? []) as JsonObject[];
  return repetitions.some((one) => components.every((component) => leaf(component, { ...resource, [base]: [one] })));
}

function chain(
  { paths, type, condition }: ChainCondition,
  resource: JsonObject,
  world: readonly JsonObject[],
): boolean {
  return paths
    .flatMap((path) => values(path, resource))
    .map(targetOf)
    .some((target) => world.some((other) => isTarget(other, target, type) && holds(condition, other, world)));
}

function compartment({ type, id, members }: CompartmentCondition, resource: JsonObject): boolean {
  const paths = members.get(String(resource['resourceType'])) ?? [];
  const refers = paths.flatMap((path) => values(path, resource)).some((node) => isNamed(targetOf(node), type, id));
  return refers || (members.has(type) && resource['resourceType'] === type && resource['id'] === id);
}

function isNamed(target: Target | undefined, type: string, id: string): boolean {
  return target?.type === type && target.id === id;
}

function isTarget(resource: JsonObject, target: Target | undefined, type: string): boolean {
  return target?.type === type && resource['resourceType'] === type && resource['id'] === target.id;
}

function has({ type, paths, condition }: HasCondition, resource: JsonObject, world: readonly JsonObject[]): boolean {
  return world.some(
    (other) =>
      other['resourceType'] === type &&
      paths
        .flatMap((path) => values(path, other))
        .some((node) => isTarget(resource, targetOf(node), String(resource['resourceType']))) &&
      holds(condition, other, world),
  );
}
