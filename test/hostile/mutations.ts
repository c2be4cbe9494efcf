/**
 * Mutations that know the structure of a resource: they change one place of the tree, or one place of its text, into
 * something that a careless server would trip over.
 */
import fc from 'fast-check';
import type { JsonValue } from '../../src/fhir/json.ts';
import { seeds } from './seeds.ts';

type Path = readonly (string | number)[];
type Tree = JsonValue;

/** Deeper places are left alone: a change that nests deeply is itself not changed again. */
const deepest = 12;

function pathsOf(value: Tree, path: Path = []): Path[] {
  if (value === null || typeof value !== 'object' || path.length === deepest) {
    return [path];
  }
  const parts: [string | number, Tree][] = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  return [path, ...parts.flatMap(([key, part]) => pathsOf(part, [...path, key]))];
}

/** The tree with the value at the path replaced; undefined removes it. */
function changed(value: Tree, path: Path, change: (old: Tree) => Tree | undefined): Tree {
  const [key, ...rest] = path;
  if (key === undefined || value === null || typeof value !== 'object') {
    return change(value) ?? null;
  }
  const part = (value as Record<string | number, Tree>)[key] ?? null;
  const next = rest.length === 0 ? change(part) : changed(part, rest, change);
  return withPart(value, key, next);
}

function withPart(value: Tree & object, key: string | number, next: Tree | undefined): Tree {
  if (Array.isArray(value)) {
    return value.flatMap((part, i) => (i !== key ? [part] : next === undefined ? [] : [next]));
  }
  const entries = Object.entries(value).filter(([name]) => name !== key || next !== undefined);
  return Object.fromEntries(entries.map(([name, part]) => [name, name === key ? (next as Tree) : part]));
}

function nested(depth: number): Tree {
  let value: Tree = 'deep';
  for (let i = 0; i < depth; i++) {
    value = i % 2 === 0 ? [value] : { extension: value };
  }
  return value;
}

const nasty: readonly Tree[] = [
  null,
  true,
  0,
  -1,
  1.5,
  1e21,
  '',
  ' ',
  'x',
  '\u0000',
  '\ud800',
  '\udfff\ud800',
  '\u202eكود',
  '__proto__',
  "'; drop table resource; --",
  '%00%ff',
  '2024-02-30',
  '24:00:60',
  '0000-00-00T00:00:00Z',
  'http://',
  'urn:uuid:',
  '#',
  '#missing',
  'Patient/',
  'Nothing/1',
  'a'.repeat(70_000),
  [],
  {},
  [[]],
  [null],
  { resourceType: 'Patient' },
  { resourceType: 'Bundle', type: 'transaction' },
  { reference: '#' },
  nested(40),
  nested(3_000),
];

const names = [
  '__proto__',
  'constructor',
  'toString',
  'value',
  'value[x]',
  'valueString',
  '_id',
  'id',
  'resourceType',
  '_',
  '',
  '\u0000',
  'fhir_comments',
  'extension',
  'é',
];

const rewrites: fc.Arbitrary<(old: Tree) => Tree | undefined> = fc.oneof(
  fc.constantFrom(...nasty).map((value) => () => value),
  fc.constant(() => undefined),
  fc.jsonValue({ maxDepth: 3 }).map((value) => () => value as Tree),
  fc.string({ unit: 'binary', maxLength: 200 }).map((value) => () => value),
  fc.constant((old: Tree): Tree => [old]),
  fc.constant((old: Tree): Tree => (Array.isArray(old) ? (old[0] ?? null) : { value: old })),
  fc.constant((old: Tree): Tree => (Array.isArray(old) ? [...old, ...old, ...old] : [old, old])),
  fc.tuple(fc.constantFrom(...names), fc.constantFrom(...nasty)).map(([name, value]) => (old: Tree): Tree => ({
    ...(typeof old === 'object' && !Array.isArray(old) ? old : {}),
    ...Object.fromEntries([[name, value]]),
  })),
);

/** A seed with one to three places changed. */
export const mutatedTrees: fc.Arbitrary<Tree> = fc
  .tuple(fc.constantFrom(...seeds), fc.array(fc.tuple(fc.nat(), rewrites), { minLength: 1, maxLength: 3 }))
  .map(([seed, changes]) => changes.reduce<Tree>((tree, [pick, change]) => mutateAt(tree, pick, change), seed));

function mutateAt(tree: Tree, pick: number, change: (old: Tree) => Tree | undefined): Tree {
  const paths = pathsOf(tree);
  return changed(tree, paths[pick % paths.length] ?? [], change);
}

const fragments = [
  '1.',
  '.5',
  '01',
  '+1',
  '-',
  'NaN',
  'Infinity',
  '1e400',
  '1e-400',
  '0x10',
  '"\\ud800"',
  '"\\u0000"',
  '"\\x"',
  '"',
  '\t',
  '\\',
  '{',
  ']',
  ',',
  ':',
  '//',
  '\ufeff',
  '"resourceType":"Patient",',
];

/** The text of a seed with a fragment put, or a piece cut or repeated, at some place. */
export const mutatedTexts: fc.Arbitrary<string> = fc
  .tuple(
    fc.constantFrom(...seeds),
    fc.nat(),
    fc.nat(40),
    fc.constantFrom(...fragments),
    fc.constantFrom('put', 'cut', 'repeat', 'number', 'end'),
  )
  .map(([seed, where, length, fragment, how]) => {
    const text = JSON.stringify(seed);
    const at = where % text.length;
    return mutations[how](text, at, length, fragment);
  });

type Mutation = (text: string, at: number, length: number, fragment: string) => string;

const mutations: Record<'put' | 'cut' | 'repeat' | 'number' | 'end', Mutation> = {
  put: (text, at, _length, fragment) => text.slice(0, at) + fragment + text.slice(at),
  cut: (text, at, length) => text.slice(0, at) + text.slice(at + length),
  repeat: (text, at, length) => text.slice(0, at + length) + text.slice(at),
  number: (text, at, _length, fragment) => text.replace(/:\d+(\.\d+)?/, `:${fragment}${at % 2 === 0 ? '' : '0'}`),
  end: (text, at) => text.slice(0, at),
};
