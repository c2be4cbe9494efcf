/**
 * FHIR and System types in FHIRPath: what a node can be compared as, and what `is`, `as` and `ofType` accept.
 * http://hl7.org/fhirpath/N1/#types, https://hl7.org/fhir/R4/fhirpath.html#types
 *
 * Decision: an unqualified `Boolean`, `String`, `Quantity` … accepts the System type *and* the FHIR types that convert to
 * it, because the specification's own invariants are written so (que-7: `answer is Boolean`). `System.Boolean` and
 * `FHIR.boolean` are exact.
 */
import { isPrimitive, isResourceType, shapeOf } from '../definitions.ts';
import { outcomeError } from '../outcome.ts';
import type { Node } from './node.ts';

export type Kind = 'boolean' | 'string' | 'integer' | 'decimal' | 'date' | 'dateTime' | 'time' | 'quantity' | 'complex';

const kinds: Record<string, Kind> = Object.assign(Object.create(null), {
  'System.Boolean': 'boolean',
  'System.String': 'string',
  'System.Integer': 'integer',
  'System.Decimal': 'decimal',
  'System.Date': 'date',
  'System.DateTime': 'dateTime',
  'System.Time': 'time',
  'System.Quantity': 'quantity',
  boolean: 'boolean',
  integer: 'integer',
  positiveInt: 'integer',
  unsignedInt: 'integer',
  decimal: 'decimal',
  date: 'date',
  dateTime: 'dateTime',
  instant: 'dateTime',
  time: 'time',
  Quantity: 'quantity',
  Age: 'quantity',
  Count: 'quantity',
  Distance: 'quantity',
  Duration: 'quantity',
  SimpleQuantity: 'quantity',
  MoneyQuantity: 'quantity',
} satisfies Record<string, Kind>);

for (const name of 'base64Binary canonical code id markdown oid string uri url uuid xhtml'.split(' ')) {
  kinds[name] = 'string';
}

export function kindOf(node: Node): Kind {
  return kinds[node.type] ?? 'complex';
}

const parents: Record<string, string> = Object.assign(Object.create(null), {
  code: 'string',
  id: 'string',
  markdown: 'string',
  canonical: 'uri',
  oid: 'uri',
  url: 'uri',
  uuid: 'uri',
  positiveInt: 'integer',
  unsignedInt: 'integer',
  Age: 'Quantity',
  Count: 'Quantity',
  Distance: 'Quantity',
  Duration: 'Quantity',
  SimpleQuantity: 'Quantity',
  MoneyQuantity: 'Quantity',
  BackboneElement: 'Element',
  DomainResource: 'Resource',
  Bundle: 'Resource',
  Binary: 'Resource',
  Parameters: 'Resource',
  Resource: '',
  Element: '',
});

const backboneTypes = new Set(
  'Dosage ElementDefinition MarketingStatus Population ProdCharacteristic ProductShelfLife SubstanceAmount Timing'.split(
    ' ',
  ),
);

function parentOf(type: string): string {
  const known = parents[type];
  if (known !== undefined) {
    return known;
  }
  if (isResourceType(type)) {
    return 'DomainResource';
  }
  return backboneTypes.has(type) || type.includes('.') ? 'BackboneElement' : 'Element';
}

/** Whether a FHIR type is `ancestor` or derived from it. */
export function isSubtype(type: string, ancestor: string): boolean {
  for (let name = type; name !== ''; name = parentOf(name)) {
    if (name === ancestor) {
      return true;
    }
  }
  return false;
}

const abstractTypes = new Set([
  'Resource',
  'DomainResource',
  'Element',
  'BackboneElement',
  'SimpleQuantity',
  'MoneyQuantity',
]);

export function isKnownType(name: string): boolean {
  return isResourceType(name) || isPrimitive(name) || abstractTypes.has(name) || shapeOf(name) !== undefined;
}

const systemKinds: Record<string, readonly Kind[]> = {
  Boolean: ['boolean'],
  String: ['string'],
  Integer: ['integer'],
  Decimal: ['decimal'],
  Date: ['date'],
  DateTime: ['dateTime'],
  Time: ['time'],
  Quantity: ['quantity'],
};

/**
 * The test that a type specifier means. A type that does not exist is refused, except in the published expressions
 * (`trusted`), which name types of other releases of FHIR; it then matches nothing.
 */
export function typeTest(specifier: string, trusted: boolean): (node: Node) => boolean {
  const name = specifier.replace(/^(?:System|FHIR)\./, '');
  const system = Object.hasOwn(systemKinds, name) ? systemKinds[name] : undefined;
  if (specifier.startsWith('System.')) {
    return system || name === 'Any'
      ? (node) => node.type === specifier || (name === 'Any' && node.type.startsWith('System.'))
      : unknownType(specifier);
  }
  if (system && !specifier.startsWith('FHIR.')) {
    return (node) => system.includes(kindOf(node));
  }
  if (!trusted && !isKnownType(name)) {
    return unknownType(specifier);
  }
  return derivedFrom(name);
}

function derivedFrom(name: string): (node: Node) => boolean {
  const known = new Map<string, boolean>();
  return ({ type }) => {
    let answer = known.get(type);
    if (answer === undefined) {
      answer = !type.startsWith('System.') && type !== '' && isSubtype(type, name);
      known.set(type, answer);
    }
    return answer;
  };
}

function unknownType(specifier: string): never {
  throw outcomeError(
    'not-supported',
    `"${specifier.slice(0, 80)}" in the FHIRPath expression is not a type of FHIR R4.`,
  );
}
