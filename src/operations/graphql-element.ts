/**
 * The members of elements as GraphQL resolves them: lists with their filters, @first and @slice; exact decimals.
 * https://hl7.org/fhir/R4/graphql.html#list
 */
import type { FieldNode, GraphQLResolveInfo } from 'graphql';
import { isPrimitive, propertyShape, type Property } from '../fhir/definitions.ts';
import { numberText, type JsonObject, type JsonValue } from '../fhir/json.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { compilePath, type Compiled } from '../fhir/path/compile.ts';
import { rootNode, type Nodes } from '../fhir/path/node.ts';
import { pathText } from './graphql-answer.ts';
import { numberValue } from './graphql-scalars.ts';
import { resourceSource, type Run, type Source } from './graphql-run.ts';

export type Arguments = Readonly<Record<string, unknown>>;
export type Resolve = (source: Source, args: Arguments, run: Run, info: GraphQLResolveInfo) => unknown;

/** The value of a property of an element. */
export function propertyResolver(property: Property): Resolve {
  const { name, type } = property;
  const take = isPrimitive(type.code) ? primitive : elementTaker(property);
  return (source, args, run, info) => {
    const value = source.node[name];
    if (value === undefined || value === null) return null;
    if (!Array.isArray(value)) {
      run.budget.spend('values', 1);
      return take(source, source.node, name);
    }
    run.budget.spend('values', value.length);
    const items = value.map((_, i) => take(source, value, i));
    return shaped(selected(items, args, run), run, info);
  };
}

/** `_birthDate`: id and extensions of a primitive. */
export function extraResolver(name: string): Resolve {
  return (source, _args, run, info) => {
    const value = source.node[name];
    if (value === undefined || value === null) return null;
    run.budget.spend('values', 1);
    const extra = (one: JsonValue): Source | null =>
      one === null ? null : { ...source, node: one as JsonObject, type: 'Element' };
    return Array.isArray(value) ? shaped(value.map(extra), run, info) : extra(value);
  };
}

type Take = (source: Source, parent: object, key: string | number) => unknown;

const at = (parent: object, key: string | number): JsonValue =>
  (parent as Record<string | number, JsonValue>)[key] ?? null;

const primitive: Take = (_source, parent, key) => {
  const value = at(parent, key);
  return typeof value === 'number' ? numberValue(value, numberText(parent, key)) : value;
};

function elementTaker(property: Property): Take {
  const { code } = property.type;
  return (source, parent, key) => {
    const node = at(parent, key) as JsonObject | null;
    if (node === null) return null;
    // A contained resource belongs to its container, another's entry to nobody.
    if (code === 'Resource') return resourceSource(node, property.name === 'contained' ? source.root : node);
    return { ...source, node, type: propertyShape(property)?.path ?? code };
  };
}

/** Filters first, then the part of the list. */
export function selected<T>(items: readonly T[], args: Arguments, run: Run): T[] {
  const { fhirpath, _offset = 0, _count, ...filters } = args;
  const wanted = Object.entries(filters).filter(([, value]) => value !== undefined && value !== null);
  let found = items.filter((item) => wanted.every(([name, value]) => hasValue(item as Source | null, name, value)));
  if (typeof fhirpath === 'string') found = matching(found, fhirpath, run);
  const offset = whole('_offset', _offset);
  return found.slice(offset, _count === undefined || _count === null ? undefined : offset + whole('_count', _count));
}

function whole(name: string, value: unknown): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0) return value;
  throw outcomeError('invalid', `${name} must be a whole number, not negative.`, { status: 400 });
}

function hasValue(source: Source | null, name: string, value: unknown): boolean {
  if (source === null || typeof source !== 'object') return false;
  const member = source.node[name];
  return (
    member !== undefined && (typeof member === 'number' ? numberText(source.node, name) : String(member)) === value
  );
}

/** A longer expression is no selection (a guess); what it costs is counted in time. */
const longestPath = 1_000;

/** The items on which the expression is true or finds something. */
export function matching<T>(items: readonly T[], expression: string, run: Run): T[] {
  const compiled = compile(expression);
  return items.filter((item) => {
    const nodes = item === null ? [] : evaluate(compiled, item as Source, run);
    const [first, second] = nodes;
    return first !== undefined && !(second === undefined && first.value === false);
  });
}

function compile(expression: string): Compiled {
  if (expression.length > longestPath) {
    throw outcomeError('too-costly', `A FHIRPath expression may have ${longestPath} characters.`, { status: 400 });
  }
  return compilePath(expression);
}

function evaluate(compiled: Compiled, { node, type, resource, root }: Source, run: Run): Nodes {
  const started = performance.now();
  try {
    return compiled(rootNode(node, type), { resource: rootNode(resource), rootResource: rootNode(root) });
  } finally {
    run.budget.spend('milliseconds', performance.now() - started);
  }
}

/** A list as its directives say. @slice notes the suffix of each element; graphql-answer.ts writes the names. */
export function shaped<T>(items: readonly T[], run: Run, info: GraphQLResolveInfo): T[] {
  const [field] = info.fieldNodes;
  const list = hasDirective(field, 'first') ? items.slice(0, 1) : [...items];
  const path = slicePath(field);
  if (path !== undefined) run.slices.set(pathText(info.path), suffixes(list, path, run));
  return list;
}

export function hasDirective(field: FieldNode | undefined, name: string): boolean {
  return field?.directives?.some((directive) => directive.name.value === name) === true;
}

function slicePath(field: FieldNode | undefined): string | undefined {
  const slice = field?.directives?.find((directive) => directive.name.value === 'slice');
  const value = slice?.arguments?.find((argument) => argument.name.value === 'path')?.value;
  if (value === undefined) return undefined;
  if (value.kind === 'StringValue') return value.value;
  throw outcomeError('not-supported', 'The path of @slice must be written in the query, not be a variable.', {
    status: 400,
  });
}

function suffixes(items: readonly unknown[], path: string, run: Run): string[] {
  if (path === '$index') return items.map((_, i) => String(i));
  const compiled = compile(path);
  return items.map((item) => {
    const nodes = typeof item === 'object' && item !== null ? evaluate(compiled, item as Source, run) : [];
    return nodes.map(({ value }) => (typeof value === 'object' ? '' : String(value))).join('.');
  });
}
