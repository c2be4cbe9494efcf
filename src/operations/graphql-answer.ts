/**
 * The answer of GraphQL as JSON: exact decimals as they are written, and @flatten, @singleton and @slice applied.
 * https://hl7.org/fhir/R4/graphql.html#flattening
 *
 * 1. A flattened field gives its place to its members. Where it repeats, they are lists, unless @singleton says that
 *    there is one value at most; then more is an error. Values under one name must be of one kind.
 * 2. @slice adds a suffix to the name of an element, or to the names of its members where it is flattened; suffixes of
 *    nested slices add up.
 */
import { type FieldNode, type FragmentDefinitionNode, Kind, type SelectionSetNode } from 'graphql';
import { setMember, type JsonObject, type JsonValue } from '../fhir/json.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { exactTextOf } from './graphql-scalars.ts';

interface Path {
  readonly prev: Path | undefined;
  readonly key: string | number;
}

/** The place of a value in the answer. */
export function pathText(path: Path | undefined): string {
  return path === undefined ? '' : `${pathText(path.prev)}/${path.key}`;
}

/** JSON of what graphql-js answers, numbers with their digits. */
export function exactJson(data: unknown): JsonValue {
  if (typeof data !== 'object' || data === null) return (data ?? null) as JsonValue;
  const target: JsonObject | JsonValue[] = Array.isArray(data) ? [] : {};
  for (const [name, value] of Object.entries(data)) {
    const text = exactTextOf(value);
    const key = Array.isArray(target) ? Number(name) : name;
    if (text === undefined) setMember(target as JsonObject, key as string, exactJson(value));
    else setMember(target as JsonObject, key as string, Number(text), text);
  }
  return target;
}

export interface Reorganising {
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  readonly slices: ReadonlyMap<string, readonly string[]>;
}

type Data = Readonly<Record<string, unknown>>;

interface Place {
  readonly selections: SelectionSetNode;
  readonly path: string;
  /** Of the names, from the slices above. */
  readonly suffix: string;
  /** Below something flattened that repeats. */
  readonly many: boolean;
}

interface Collected {
  readonly values: unknown[];
  list: boolean;
  singleton: boolean;
}

/** @throws OutcomeError where @singleton meets several values, or values of several kinds have one name. */
export function reorganise(data: Data, selections: SelectionSetNode, using: Reorganising, path = ''): Data {
  const names = new Map<string, Collected>();
  collect(data, { selections, path, suffix: '', many: false }, using, names);
  return Object.fromEntries([...names].map(([name, collected]) => [name, settled(name, collected)]));
}

function collect(data: Data, place: Place, using: Reorganising, names: Map<string, Collected>): void {
  for (const field of fieldsOf(place.selections, using)) {
    const key = field.alias?.value ?? field.name.value;
    if (!Object.hasOwn(data, key)) continue;
    const value = data[key];
    const path = `${place.path}/${key}`;
    const items = Array.isArray(value)
      ? value.map((item: unknown, i) => ({ item, path: `${path}/${i}` }))
      : [{ item: value, path }];
    const slices = using.slices.get(path);
    const many = place.many || Array.isArray(value);
    items.forEach(({ item, path: at }, i) => {
      const slice = slices?.[i];
      const suffix = `${place.suffix}${slice === undefined || slice === '' ? '' : `.${slice}`}`;
      if (!marked(field, 'flatten')) {
        add(names, `${key}${suffix}`, {
          value: inner(item, field, at, using),
          list: many,
          singleton: marked(field, 'singleton'),
        });
      } else if (item !== null && field.selectionSet !== undefined) {
        collect(item as Data, { selections: field.selectionSet, path: at, suffix, many }, using, names);
      }
    });
    if (items.length === 0 && !marked(field, 'flatten') && !place.many)
      names.set(key, { values: [], list: true, singleton: false });
  }
}

function inner(item: unknown, field: FieldNode, path: string, using: Reorganising): unknown {
  if (field.selectionSet === undefined || typeof item !== 'object' || item === null) return item;
  return reorganise(item as Data, field.selectionSet, using, path);
}

/** The fields of a selection, those of fragments among them; two selections of one field are one. */
function fieldsOf(selections: SelectionSetNode, using: Reorganising): FieldNode[] {
  const found = new Map<string, FieldNode>();
  const gather = (set: SelectionSetNode): void => {
    for (const selection of set.selections) {
      if (selection.kind === Kind.FIELD) note(selection);
      else if (selection.kind === Kind.INLINE_FRAGMENT) gather(selection.selectionSet);
      else {
        const fragment = using.fragments.get(selection.name.value);
        if (fragment !== undefined) gather(fragment.selectionSet);
      }
    }
  };
  const note = (field: FieldNode): void => {
    const key = field.alias?.value ?? field.name.value;
    const before = found.get(key);
    found.set(key, before === undefined ? field : merged(before, field));
  };
  gather(selections);
  return [...found.values()];
}

function merged(a: FieldNode, b: FieldNode): FieldNode {
  const [one, two] = [a.selectionSet, b.selectionSet];
  return one && two ? { ...a, selectionSet: { ...one, selections: [...one.selections, ...two.selections] } } : a;
}

function marked(field: FieldNode, directive: string): boolean {
  return field.directives?.some(({ name }) => name.value === directive) === true;
}

interface Added {
  readonly value: unknown;
  readonly list: boolean;
  readonly singleton: boolean;
}

/** Nothing is no value of a list that was flattened together. */
function add(names: Map<string, Collected>, name: string, { value, list, singleton }: Added): void {
  const collected = names.get(name) ?? { values: [], list, singleton };
  if (value !== null || !list) collected.values.push(value);
  collected.list ||= list;
  collected.singleton ||= singleton;
  if (collected.values.length > 0 || !list) names.set(name, collected);
}

function settled(name: string, { values, list, singleton }: Collected): unknown {
  if (new Set(values.filter((value) => value !== null).map(kindOf)).size > 1) {
    throw refused(
      `The values that @flatten puts under "${name.slice(0, 60)}" are of several types; give them aliases.`,
    );
  }
  if (singleton && values.length > 1) {
    throw refused(`"${name.slice(0, 60)}" is a @singleton and has ${values.length} values.`);
  }
  return singleton || (!list && values.length === 1) ? (values[0] ?? null) : values;
}

function kindOf(value: unknown): string {
  return exactTextOf(value) === undefined ? typeof value : 'number';
}

function refused(sentence: string): Error {
  return outcomeError('processing', sentence);
}
