/**
 * Builds the compact model of one FHIR type from the snapshot of its StructureDefinition.
 *
 * Invariants: (1) a choice `value[x]` is one Element and one Property for each type; (2) an Element with a
 * contentReference shares the Shape of its target, so shapes may be recursive; (3) equal constraints are one object.
 * https://hl7.org/fhir/R4/elementdefinition.html
 */
import { correctedElements } from './definitions-corrections.ts';
import type { JsonObject } from './json.ts';

/** A type an element may have; `code` is a FHIR type name, also where the snapshot names a FHIRPath System type. */
export interface TypeRef {
  code: string;
  /** Resource types or profiles a Reference or canonical may point at, as canonical URLs; absent: any. */
  targets?: string[];
  profiles?: string[];
}

export interface Constraint {
  key: string;
  severity: 'error' | 'warning';
  human: string;
  expression: string;
}

export interface Binding {
  strength: 'required' | 'extensible' | 'preferred' | 'example';
  /** Canonical URL, with `|version` when it has one. */
  valueSet: string;
  /** The value set that codes must be from even where the binding is weaker. */
  maximum?: string;
}

export interface Element {
  /** Without `[x]`. */
  name: string;
  /** As in the snapshot: `Observation.component.value[x]`. */
  path: string;
  min: number;
  max: number;
  types: TypeRef[];
  choice: boolean;
  /** The children of a BackboneElement, of an Element with children, or of a contentReference's target. */
  shape?: Shape;
  binding?: Binding;
  constraints: Constraint[];
  summary: boolean;
  modifier: boolean;
  isXmlAttribute: boolean;
}

/** One JSON member a type may have. */
export interface Property {
  /** The JSON name: `valueQuantity`. */
  name: string;
  element: Element;
  type: TypeRef;
}

export interface Shape {
  /** `Observation`, `Observation.component`, `Quantity`. */
  path: string;
  typeName: string;
  /** In the order of the definition; choices expanded; without the `_name` members of primitives. */
  properties: Map<string, Property>;
  elements: Element[];
  /** Of the type as a whole. Those of a backbone element are on its Element. */
  constraints: Constraint[];
}

/** The parts of ElementDefinition that are read here. */
export interface ElementDefinition {
  id: string;
  path: string;
  sliceName?: string;
  min?: number;
  max?: string;
  base?: { path: string };
  representation?: string[];
  type?: {
    code: string;
    extension?: { url: string; valueUrl?: string; valueString?: string }[];
    targetProfile?: string[];
    profile?: string[];
  }[];
  contentReference?: string;
  binding?: {
    strength: Binding['strength'];
    valueSet?: string;
    extension?: { url: string; valueCanonical?: string }[];
  };
  constraint?: {
    key: string;
    severity: Constraint['severity'];
    human: string;
    expression?: string;
    source?: string;
  }[];
  isSummary?: boolean;
  isModifier?: boolean;
}

const MAXIMUM_VALUE_SET = 'http://hl7.org/fhir/StructureDefinition/elementdefinition-maxValueSet';
const FHIR_TYPE = 'http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type';

const sharedConstraints = new Map<string, Constraint>();

function constraintsOf(definition: ElementDefinition): Constraint[] {
  return (definition.constraint ?? []).flatMap(({ key, severity, human, expression }) => {
    if (expression === undefined) return [];
    const identity = `${key} ${severity} ${human} ${expression}`;
    const constraint = sharedConstraints.get(identity) ?? { key, severity, human, expression };
    sharedConstraints.set(identity, constraint);
    return [constraint];
  });
}

/** Snapshots write `System.String` for ids and urls, with the FHIR type in an extension; Resource.id is an `id`. */
export function typesOf(definition: ElementDefinition): TypeRef[] {
  if (definition.contentReference !== undefined) return [{ code: 'BackboneElement' }];
  return (definition.type ?? []).map(({ code, extension, targetProfile, profile }) => {
    const fhirType = extension?.find((entry) => entry.url === FHIR_TYPE)?.valueUrl ?? code;
    const type: TypeRef = { code: definition.base?.path === 'Resource.id' ? 'id' : fhirType };
    if (targetProfile !== undefined) type.targets = targetProfile;
    if (profile !== undefined) type.profiles = profile;
    return type;
  });
}

function elementOf(definition: ElementDefinition): Element {
  const last = definition.path.slice(definition.path.lastIndexOf('.') + 1);
  const choice = last.endsWith('[x]');
  const element: Element = {
    name: choice ? last.slice(0, -3) : last,
    path: definition.path,
    min: definition.min ?? 0,
    max: definition.max === '*' ? Infinity : Number(definition.max ?? 1),
    types: typesOf(definition),
    choice,
    constraints: constraintsOf(definition),
    summary: definition.isSummary === true,
    modifier: definition.isModifier === true,
    isXmlAttribute: definition.representation?.includes('xmlAttr') === true,
  };
  const binding = bindingOf(definition);
  if (binding !== undefined) element.binding = binding;
  return element;
}

export function bindingOf({ binding }: ElementDefinition): Binding | undefined {
  if (binding?.valueSet === undefined) return undefined;
  const result: Binding = { strength: binding.strength, valueSet: binding.valueSet };
  const maximum = binding.extension?.find((item) => item.url === MAXIMUM_VALUE_SET)?.valueCanonical;
  if (maximum !== undefined) result.maximum = maximum;
  return result;
}

function addElement(shape: Shape, element: Element): void {
  shape.elements.push(element);
  for (const type of element.types) {
    const suffix = element.choice ? type.code.charAt(0).toUpperCase() + type.code.slice(1) : '';
    const name = element.name + suffix;
    shape.properties.set(name, { name, element, type });
  }
}

/** Gives an element with a contentReference the shape and the constraints of its target. */
function linkContent(element: Element, target: Element | undefined): void {
  if (target?.shape === undefined) throw new Error(`The content reference of ${element.path} leads nowhere.`);
  element.shape = target.shape;
  element.constraints = [...new Set([...target.constraints, ...element.constraints])];
}

/** The shapes of a type by path: the type itself first, then its backbone elements. */
export function buildShapes(definition: JsonObject): Map<string, Shape> {
  const { snapshot, type } = definition as unknown as { snapshot: { element: ElementDefinition[] }; type: string };
  const [root, ...items] = correctedElements(type, snapshot.element);
  if (root === undefined) throw new Error(`The definition of ${type} has no snapshot.`);
  const shapes = new Map<string, Shape>();
  const elements = new Map<string, Element>();
  const shapeAt = (path: string): Shape => {
    const shape = shapes.get(path) ?? { path, typeName: type, properties: new Map(), elements: [], constraints: [] };
    shapes.set(path, shape);
    return shape;
  };
  shapeAt(root.path).constraints = constraintsOf(root);
  for (const item of items) {
    const parentPath = item.path.slice(0, item.path.lastIndexOf('.'));
    const parent = shapeAt(parentPath);
    const owner = elements.get(parentPath);
    if (owner !== undefined) owner.shape = parent;
    const element = elementOf(item);
    elements.set(item.path, element);
    addElement(parent, element);
  }
  for (const { path, contentReference } of items) {
    if (contentReference === undefined) continue;
    linkContent(elements.get(path)!, elements.get(contentReference.slice(contentReference.indexOf('#') + 1)));
  }
  return shapes;
}
