/** The code systems that the bound value set of a `code` element implies. https://hl7.org/fhir/R4/search.html#token */
import { shapeOf, type Element } from '../fhir/definitions.ts';
import type { Terminology } from './context.ts';
import type { IndexedPath } from './parameters.ts';

/** R4's name for the system of true and false. */
const booleans = ['http://hl7.org/fhir/special-values', 'http://terminology.hl7.org/CodeSystem/special-values'];

/** Undefined where the definitions do not tell: then any system is let through. */
export function impliedSystems(path: IndexedPath, terminology: Terminology): readonly string[] | undefined {
  if (path.elementTypes.includes('boolean')) return booleans;
  const valueSet = elementAt(path)?.binding?.valueSet;
  return valueSet === undefined ? undefined : terminology.systems(valueSet);
}

function elementAt({ branch }: IndexedPath): Element | undefined {
  const [root = ''] = branch?.key.split('.') ?? [];
  let shape = shapeOf(root);
  let element: Element | undefined;
  for (const step of branch?.steps ?? []) {
    if (step.kind !== 'member') continue;
    element = shape?.elements.find(({ name }) => name === step.name);
    shape = element?.shape ?? shapeOf(element?.types[0]?.code ?? '');
  }
  return element;
}
