import { describe, expect, test } from '@jest/globals';
import {
  type Element,
  isPrimitive,
  propertyShape,
  resourceTypes,
  type Shape,
  shapeOf,
  structureDefinition,
} from '../../src/fhir/definitions.ts';
import { readAllDefinitions } from '../../src/fhir/definitions-file.ts';
import type { ElementDefinition } from '../../src/fhir/definitions-shape.ts';
import {
  compartmentDefinitions,
  operationDefinitions,
  searchParameterDefinitions,
} from '../../src/fhir/definitions-search.ts';

const property = (path: string, name: string) => shapeOf(path)?.properties.get(name);

/** The elements of R4 as `dataelements.json` has them: an independent, unchanged publication of the same facts. */
function publishedElements(): Map<string, ElementDefinition> {
  const published = new Map<string, ElementDefinition>();
  for (const definition of readAllDefinitions('dataelements.json')) {
    const { snapshot } = definition as unknown as { snapshot: { element: ElementDefinition[] } };
    const element = snapshot.element[0]!;
    if (!element.path.startsWith('MetadataResource.')) published.set(element.path, element);
  }
  return published;
}

function allShapes(): Shape[] {
  const found = new Set<Shape>();
  const visit = (shape: Shape | undefined): void => {
    if (shape === undefined || found.has(shape)) return;
    found.add(shape);
    for (const property of shape.properties.values()) visit(propertyShape(property));
  };
  for (const type of resourceTypes) visit(shapeOf(type));
  return [...found];
}

describe('agreement with the data elements that R4 publishes', () => {
  const published = publishedElements();
  const elements = new Map(allShapes().flatMap((shape) => shape.elements.map((element) => [element.path, element])));

  test('no element of a shape is unknown to R4, and none is missing', () => {
    // Data elements exist for neither backbone elements, inherited ids and extensions, quantities' members, nor long ids.
    const listed = (path: string, element: Element) =>
      element.shape === undefined &&
      !/^(Age|Count|Distance|Duration)\.|\.(id|extension|modifierExtension)$/.test(path) &&
      `de-${path}`.length <= 64;
    const extra = [...elements].filter(([path, element]) => listed(path, element) && !published.has(path));
    expect(extra.map(([path]) => path)).toEqual([]);
    const primitive = (path: string) => isPrimitive(path.slice(0, path.indexOf('.')));
    const types = new Set([...elements.keys()].map((path) => path.slice(0, path.indexOf('.'))));
    const missing = [...published.keys()].filter(
      (path) => !elements.has(path) && !primitive(path) && types.has(path.slice(0, path.indexOf('.'))),
    );
    expect(missing).toEqual([]);
  });

  test('cardinality, types, targets and bindings are those of R4', () => {
    const facts = (min: number, max: number, types: unknown, binding: unknown) => ({ min, max, types, binding });
    for (const [path, element] of elements) {
      const item = published.get(path);
      // The data element of Quantity.comparator is that of SimpleQuantity.
      if (item === undefined || path === 'Quantity.comparator' || /\.(id|url)$/.test(path)) continue;
      const types = (item.type ?? []).map(({ code, targetProfile }) => [code, targetProfile]);
      const binding = item.binding?.valueSet && [item.binding.strength, item.binding.valueSet];
      expect([
        path,
        facts(
          element.min,
          element.max,
          element.types.map((type) => [type.code, type.targets]),
          element.binding && [element.binding.strength, element.binding.valueSet],
        ),
      ]).toEqual([path, facts(item.min ?? 0, item.max === '*' ? Infinity : Number(item.max), types, binding)]);
    }
  });
});

describe('shapes (https://hl7.org/fhir/R4/elementdefinition.html)', () => {
  test('every resource type of R4 has a shape with id, meta and the name it was asked by', () => {
    for (const type of resourceTypes) {
      const shape = shapeOf(type);
      expect([type, shape?.typeName, shape?.properties.get('id')?.type.code]).toEqual([type, type, 'id']);
      expect(shape?.properties.get('meta')?.type.code).toBe('Meta');
    }
  });

  test.each(['NoSuchType', 'MetadataResource', 'SubscriptionStatus', 'string', '', 'Observation.nothing', '__proto__'])(
    '%p is no complex type of R4',
    (name) => expect(shapeOf(name)).toBeUndefined(),
  );

  test('a choice is one element and a property for each type', () => {
    const shape = shapeOf('Observation')!;
    const value = shape.elements.find((element) => element.name === 'value')!;
    const names = [...shape.properties.values()].filter((item) => item.element === value).map((item) => item.name);
    expect(value).toMatchObject({ choice: true, path: 'Observation.value[x]', min: 0, max: 1 });
    expect(names).toEqual(
      `valueQuantity valueCodeableConcept valueString valueBoolean valueInteger valueRange valueRatio valueSampledData
       valueTime valueDateTime valuePeriod`.split(/\s+/),
    );
  });

  test('a contentReference shares the shape and the constraints of its target', () => {
    const range = property('Observation.component', 'referenceRange')!;
    expect(propertyShape(range)).toBe(shapeOf('Observation.referenceRange'));
    expect(range.element.constraints.map((constraint) => constraint.key)).toContain('obs-3');
    const item = property('Questionnaire.item', 'item')!;
    expect(propertyShape(item)).toBe(shapeOf('Questionnaire.item'));
  });

  test.each([
    ['Patient', 'id', 'id'],
    ['Observation.component', 'id', 'string'],
    ['Quantity', 'id', 'string'],
    ['Extension', 'url', 'uri'],
    ['Narrative', 'div', 'xhtml'],
    ['Timing', 'repeat', 'Element'],
    ['Bundle.entry', 'resource', 'Resource'],
  ])('%s.%s has the type %s', (path, name, code) => expect(property(path, name)?.type.code).toBe(code));

  test('cardinality, binding, reference targets and flags come from the definition', () => {
    expect(property('Observation', 'status')?.element).toMatchObject({ min: 1, max: 1, summary: true, modifier: true });
    expect(property('Observation', 'category')?.element.max).toBe(Infinity);
    expect(property('Observation', 'status')?.element.binding).toEqual({
      strength: 'required',
      valueSet: 'http://hl7.org/fhir/ValueSet/observation-status|4.0.1',
    });
    expect(property('Observation', 'specimen')?.type.targets).toEqual([
      'http://hl7.org/fhir/StructureDefinition/Specimen',
    ]);
    expect(property('Extension', 'url')?.element.isXmlAttribute).toBe(true);
  });

  test('constraints of a type are on its shape', () => {
    const keys = shapeOf('Observation')!.constraints.map((constraint) => constraint.key);
    expect(keys).toEqual(expect.arrayContaining(['dom-2', 'dom-6', 'obs-6', 'obs-7']));
  });

  test('primitives', () => {
    expect(isPrimitive('positiveInt')).toBe(true);
    expect(isPrimitive('Quantity')).toBe(false);
    expect(structureDefinition('Observation')?.['url']).toBe('http://hl7.org/fhir/StructureDefinition/Observation');
  });
});

test('search parameters keep what a search needs', () => {
  const parameters = searchParameterDefinitions();
  expect(parameters.find((entry) => entry.url.endsWith('/clinical-date'))).toMatchObject({
    name: 'date',
    type: 'date',
    base: expect.arrayContaining(['Observation']),
  });
  const composite = parameters.find((entry) => entry.url.endsWith('/Observation-code-value-quantity'));
  expect(composite?.component).toHaveLength(2);
});

test('compartments name the parameters by which a resource belongs', () => {
  const patient = compartmentDefinitions().find((entry) => entry.code === 'Patient');
  expect(patient?.parameters.get('Observation')).toEqual(['subject', 'performer']);
  expect(compartmentDefinitions().map((entry) => entry.code)).toContain('Encounter');
  expect(patient?.parameters.has('Medication')).toBe(false);
});

test('operations of the base specification', () => {
  expect(operationDefinitions().map((operation) => operation['code'])).toEqual(
    expect.arrayContaining(['everything', 'validate', 'meta']),
  );
});
