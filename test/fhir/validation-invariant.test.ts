/**
 * Constraints written as functions say what their FHIRPath says: both are run over generated values that use the words
 * and literals of the constraint, so that each of its branches is met. Required elements are there: their absence is a
 * finding of its own, and what depends on them is not asked then.
 */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Property, propertyShape, resourceTypes, type Shape, shapeOf } from '../../src/fhir/definitions.ts';
import type { JsonObject, JsonValue } from '../../src/fhir/json.ts';
import { compileExpression } from '../../src/fhir/validation/invariant-path.ts';
import type { Context } from '../../src/fhir/validation/context.ts';
import { natives } from '../../src/fhir/validation/invariant-native.ts';
import { unusable } from '../../src/fhir/validation/invariant-unusable.ts';
import { validateResource } from '../../src/fhir/validation/validate.ts';

interface Use {
  root: Shape;
  /** JSON names and choices from the root to the element the constraint is on. */
  steps: string[];
  typeName: string;
}

/** Every constraint of R4 with one place where it applies. */
function constraintUses(): { uses: Map<string, Use>; keys: Set<string> } {
  const uses = new Map<string, Use>();
  const keys = new Set<string>();
  const visit = (root: Shape, shape: Shape, steps: string[], seen: readonly Shape[]): void => {
    const note = (expression: string, key: string, use: Use): void => {
      keys.add(key);
      if (!uses.has(expression)) uses.set(expression, use);
    };
    for (const { expression, key } of shape.constraints) note(expression, key, { root, steps, typeName: shape.path });
    for (const property of shape.properties.values()) {
      const below = property.element.shape;
      const typeName = below?.path ?? property.type.code;
      const path = [...steps, property.name];
      for (const { expression, key } of property.element.constraints)
        note(expression, key, { root, steps: path, typeName });
      if (below !== undefined && !seen.includes(below)) visit(root, below, path, [...seen, below]);
    }
  };
  const dataTypes = 'Extension Quantity Attachment ContactPoint Ratio ElementDefinition Period Range Address'.split(
    ' ',
  );
  for (const type of [...dataTypes, ...resourceTypes]) {
    const shape = shapeOf(type)!;
    visit(shape, shape, [], [shape]);
  }
  return { uses, keys };
}

const { uses, keys } = constraintUses();

type Draw = (below: number) => number;

interface Generator {
  draw: Draw;
  words: ReadonlySet<string>;
  literals: readonly string[];
}

function primitive(code: string, { draw, literals }: Generator): JsonValue {
  if (code === 'boolean') return draw(2) === 0;
  if (['integer', 'positiveInt', 'unsignedInt', 'decimal'].includes(code)) return draw(3);
  return literals[draw(literals.length)]!;
}

function extra(): JsonObject {
  return { extension: [{ url: 'http://example.org/x', valueString: 'y' }] };
}

function addProperty(target: JsonObject, property: Property, generator: Generator, depth: number): void {
  const { draw } = generator;
  const { name, element, type } = property;
  const shape =
    type.code === 'Resource' ? shapeOf(['Composition', 'MessageHeader', 'Patient'][draw(3)]!) : propertyShape(property);
  if (shape === undefined) {
    const one = (): JsonValue => primitive(type.code, generator);
    if (draw(8) === 0 && element.min === 0 && !element.isXmlAttribute)
      target[`_${name}`] = element.max > 1 ? [extra()] : extra();
    else target[name] = element.max > 1 ? Array.from({ length: 1 + draw(3) }, one) : one();
    return;
  }
  const one = (): JsonObject => {
    const object = type.code === 'Resource' ? { resourceType: shape.typeName } : {};
    fill(object, shape, generator, depth + 1);
    return Object.keys(object).length > 0 ? object : extra();
  };
  target[name] = element.max > 1 ? Array.from({ length: 1 + draw(3) }, one) : one();
}

function fill(target: JsonObject, shape: Shape, generator: Generator, depth: number): void {
  const chosen = new Set<unknown>();
  for (const property of shape.properties.values()) {
    const { element, name } = property;
    if (!generator.words.has(element.name) && !generator.words.has(name)) continue;
    if (chosen.has(element) || depth > 3 || (element.min === 0 && generator.draw(3) === 0)) continue;
    if (element.choice && generator.draw(3) > 0) continue;
    chosen.add(element);
    addProperty(target, property, generator, depth);
  }
}

function atSteps(value: JsonValue | undefined, steps: readonly string[]): JsonValue[] {
  if (Array.isArray(value)) return value.flatMap((item) => atSteps(item, steps));
  const [first, ...rest] = steps;
  if (first === undefined) return value === undefined || value === null ? [] : [value];
  return typeof value === 'object' && value !== null ? atSteps(value[first], rest) : [];
}

function contextOf(resource: JsonObject): Context {
  return { resource, root: resource, environment: undefined } as Context;
}

describe('constraints as functions equal their FHIRPath', () => {
  test.each([...natives.keys()])('%s', (expression) => {
    const use = uses.get(expression)!;
    expect(use).toBeDefined();
    const reference = compileExpression(expression, use.typeName, true);
    const native = natives.get(expression)!;
    const words = new Set([...(expression.match(/[A-Za-z]+/g) ?? []), ...use.steps, 'item']);
    const quoted = [...expression.matchAll(/'([^']*)'/g)].map((match) => match[1]!);
    const literals = [...quoted.filter((text) => text !== ''), 'x', 'x.y', 'X.z', 'http://a/_history/1'];
    // Both outcomes must be seen, or the comparison would say little.
    const answers = new Set<boolean>();
    fc.assert(
      fc.property(fc.infiniteStream(fc.nat()), (numbers) => {
        const generator = { draw: (below: number) => (numbers.next().value as number) % below, words, literals };
        const resource: JsonObject = { resourceType: use.root.typeName };
        fill(resource, use.root, generator, 0);
        for (const value of atSteps(resource, use.steps)) {
          const said = native(value, contextOf(resource));
          answers.add(said);
          expect([said, value]).toEqual([reference(value, contextOf(resource)), value]);
        }
      }),
      { numRuns: 400 },
    );
    expect(answers).toEqual(new Set([true, false]));
  });
});

test('every constraint that is called unusable exists', () => {
  expect(Object.keys(unusable).filter((key) => !keys.has(key))).toEqual([]);
});

test('every other constraint of R4 can be compiled', () => {
  const failures = [...uses].filter(([expression, { typeName }]) => {
    try {
      return typeof compileExpression(expression, typeName, true) !== 'function';
    } catch {
      return !expression.includes('resolve()');
    }
  });
  expect(failures.map(([expression]) => expression)).toEqual([]);
});

describe('constraints are found through a whole resource', () => {
  const observation = {
    resourceType: 'Observation',
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code: '1-8' }] },
  };
  const cases: [key: string, resource: JsonObject, expression: string][] = [
    ['obs-3', { ...observation, referenceRange: [{ age: { low: { value: 1 } } }] }, 'Observation.referenceRange[0]'],
    ['obs-6', { ...observation, valueString: 'x', dataAbsentReason: { text: 'y' } }, 'Observation'],
    ['obs-7', { ...observation, valueString: 'x', component: [{ code: observation.code }] }, 'Observation'],
    ['qty-3', { ...observation, valueQuantity: { value: 1, code: 'g' } }, 'Observation.value'],
    [
      'sqty-1',
      { ...observation, valueRange: { low: { value: 1, comparator: '<' } } },
      'Observation.value.low.comparator',
    ],
    ['per-1', { ...observation, effectivePeriod: { start: '2020-02-02', end: '2020-02-01' } }, 'Observation.effective'],
    ['rng-2', { ...observation, valueRange: { low: { value: 2 }, high: { value: 1.99 } } }, 'Observation.value'],
    ['pat-1', { resourceType: 'Patient', contact: [{ gender: 'male' }] }, 'Patient.contact[0]'],
    [
      'prr-1',
      {
        resourceType: 'ServiceRequest',
        status: 'active',
        intent: 'order',
        subject: { reference: 'Patient/1' },
        orderDetail: [{ text: 'x' }],
      },
      'ServiceRequest',
    ],
    [
      'org-3',
      { resourceType: 'Organization', name: 'x', telecom: [{ use: 'home', system: 'phone', value: '1' }] },
      'Organization.telecom[0]',
    ],
    [
      'que-7',
      {
        resourceType: 'Questionnaire',
        status: 'draft',
        item: [{ linkId: 'a', type: 'string', enableWhen: [{ question: 'b', operator: 'exists', answerString: 'x' }] }],
      },
      'Questionnaire.item[0].enableWhen[0]',
    ],
    [
      'tim-9',
      { ...observation, effectiveTiming: { repeat: { offset: 10, when: ['C'] } } },
      'Observation.effective.repeat',
    ],
    ['bdl-1', { resourceType: 'Bundle', type: 'batch', total: 1 }, 'Bundle'],
    ['inv-1', { resourceType: 'Parameters', parameter: [{ name: 'x' }] }, 'Parameters.parameter[0]'],
  ];
  test.each(cases)('%s', (key, resource, expression) => {
    expect(validateResource(resource).map((issue) => [issue.diagnostics.includes(key), issue.expression])).toEqual([
      [true, [expression]],
    ]);
  });

  test('warnings are left out on a write', () => {
    const library = {
      resourceType: 'StructureMap',
      url: 'http://e.org/m',
      name: 'not a name',
      status: 'draft',
      group: [
        {
          name: 'g',
          typeMode: 'none',
          input: [{ name: 'i', mode: 'source' }],
          rule: [{ name: 'r', source: [{ context: 'i' }] }],
        },
      ],
    };
    expect(validateResource(library)).toEqual([]);
    expect(validateResource(library, { warnings: true })).toEqual([
      expect.objectContaining({
        severity: 'warning',
        code: 'invariant',
        diagnostics: expect.stringContaining('smp-0'),
      }),
    ]);
  });
});
