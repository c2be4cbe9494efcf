/** Hostile expressions and resources end in an answer or an OutcomeError, soon. */
import { describe, expect, test } from '@jest/globals';
import type { JsonObject, JsonValue } from '../../src/fhir/json.ts';
import { OutcomeError } from '../../src/fhir/outcome.ts';
import { compileInvariant, compilePath } from '../../src/fhir/path/compile.ts';
import { rootNode } from '../../src/fhir/path/node.ts';
import { processorTime } from '../processor-time.ts';

function run(expression: string, resource: JsonObject = { resourceType: 'Patient', id: 'p' }): unknown[] {
  const root = rootNode(resource);
  return compilePath(expression)(root, { resource: root }).map((node) => node.value);
}

function codeOf(action: () => unknown): string {
  try {
    action();
    return 'none';
  } catch (error) {
    return error instanceof OutcomeError ? error.issues[0]!.code : String(error);
  }
}

const refused: [string, string, string][] = [
  ['20,001 characters', 'a'.repeat(20_001), 'too-long'],
  ['5,000 brackets', `${'('.repeat(5_000)}1${')'.repeat(5_000)}`, 'too-costly'],
  ['5,000 signs', `${'-'.repeat(5_000)}1`, 'too-costly'],
  ['a path of 5,000 steps', `a${'.a'.repeat(5_000)}`, 'too-costly'],
  ['5,000 ors', `a${' or a'.repeat(3_000)}`, 'too-costly'],
  ['5,000 indexes', `a${'[0]'.repeat(5_000)}`, 'too-costly'],
  ['a regular expression that backtracks for ever', `'${'a'.repeat(40)}!'.matches('^(a+)+$')`, 'too-costly'],
  ['one that is cubic', `'${'a'.repeat(5_000)}'.matches('a*a*a*a*b')`, 'too-costly'],
  ['replaceMatches that backtracks', `'${'a'.repeat(40)}!'.replaceMatches('^(a+)+$', '')`, 'too-costly'],
  ['a text that doubles', `'${'a'.repeat(1_000)}'${`.replace('a', '${'a'.repeat(100)}')`.repeat(3)}`, 'too-costly'],
  ['numbers of 3,000 digits', `${'9'.repeat(3_000)} + 1`, 'too-costly'],
  ['a member of the prototype', '%constructor', 'not-supported'],
  ['a function of the prototype', 'constructor()', 'not-supported'],
];

describe('refused', () => {
  test.each(refused)('%s', (_, expression, code) => {
    expect(codeOf(() => run(expression))).toBe(code);
  });
});

describe('members that every JavaScript object has', () => {
  test.each(['constructor', 'toString', 'hasOwnProperty', 'length'])('%s is no element', (name) => {
    expect(run(`${name}.exists()`)).toEqual([false]);
    expect(run(`name.${name}`, { resourceType: 'Patient', name: [{ family: 'a' }] })).toEqual([]);
  });
});

test('values of the wrong JSON type make no crash', () => {
  const odd: JsonValue[] = [null, true, 1, 'a', [], [[1]], {}, [null], [{ value: [1] }]];
  const expressions = [
    'name.given.first().substring(1)',
    'birthDate < @2020',
    'name.where(use = 1)',
    'descendants().count()',
    'name.period.start + 1 day',
  ];
  for (const value of odd) {
    for (const expression of expressions) {
      const resource: JsonObject = {
        resourceType: 'Patient',
        name: value,
        birthDate: value,
        _birthDate: value,
        contained: value,
      };
      expect(codeOf(() => run(expression, resource))).toMatch(/^(none|processing)$/);
    }
  }
});

test('5,000 contained resources are checked in linear time (dom-3)', () => {
  const expression =
    "contained.where((('#'+id in (%resource.descendants().reference | %resource.descendants().as(canonical))) or descendants().where(reference = '#').exists()).not()).trace('unmatched', id).empty()";
  const resource = (count: number): JsonObject => ({
    resourceType: 'List',
    contained: Array.from({ length: count }, (_, index) => ({ resourceType: 'Basic', id: `c${index}` })),
    entry: Array.from({ length: count }, (_, index) => ({ item: { reference: `#c${index}` } })),
  });
  const rule = compileInvariant(expression, { trusted: true });
  const check = (count: number): boolean => {
    const root = rootNode(resource(count));
    return rule(root, { resource: root });
  };
  expect(check(50)).toBe(true);
  expect(processorTime(() => expect(check(5_000)).toBe(true))).toBeLessThan(20_000);
});

test('10,000 entries are told apart in linear time (bdl-7)', () => {
  const root = rootNode({
    resourceType: 'Bundle',
    type: 'transaction',
    entry: Array.from({ length: 10_000 }, (_, index) => ({
      fullUrl: `urn:uuid:${index}`,
      resource: { resourceType: 'Basic' },
    })),
  });
  const rule = compileInvariant(
    "(type = 'history') or entry.where(fullUrl.exists()).select(fullUrl&resource.meta.versionId).isDistinct()",
  );
  expect(processorTime(() => expect(rule(root, { resource: root })).toBe(true))).toBeLessThan(10_000);
});

describe('an expression that multiplies the resource is refused in good time', () => {
  const resource: JsonObject = {
    resourceType: 'Patient',
    name: Array.from({ length: 2_000 }, (_, index) => ({ family: `f${index}`, given: ['a', 'b', 'c'] })),
  };

  test.each([
    'descendants().descendants().descendants().count() + descendants().where(%resource.descendants().where(%resource.descendants().exists($this = 1)).exists()).count()',
    'name.where(%resource.name.where(%resource.name.where($this = 1).exists()).exists())',
    'name.select(%resource.name.select(%resource.name))',
    `name${'.combine($this.name)'.repeat(20)}${'.select($this | %resource.name)'.repeat(3)}`,
    'name.where((%resource.name.given | $this.family).count() = 0)',
    'name.where(family in (%resource.name.family | $this.family))',
    'repeat(%resource.name | $this).select(repeat(%resource.name))',
  ])('%s', (expression) => {
    const time = processorTime(() => expect(codeOf(() => run(expression, resource))).toMatch(/^(too-costly|none)$/));
    expect(time).toBeLessThan(60_000);
  });
});

test('descendants of a deep resource need no stack', () => {
  let item: JsonObject = { linkId: 'leaf' };
  for (let depth = 0; depth < 20_000; depth++) {
    item = { linkId: String(depth), item: [item] };
  }
  expect(run('descendants().linkId.count()', { resourceType: 'Questionnaire', item: [item] })).toEqual([20_001]);
  expect(run('repeat(item).count()', { resourceType: 'Questionnaire', item: [item] })).toEqual([20_001]);
});
