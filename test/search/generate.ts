/** Random resources and random searches over small pools of values, so that searches find something. */
import fc from 'fast-check';
import { dateInterval } from '../../src/search/interval.ts';

const systems = ['http://loinc.org', 'http://local', undefined] as const;
const codes = ['a', 'B', 'c-1', 'd|e', 'f,g', 'h$i'] as const;
const displays = ['Glucose', 'glücose level', 'سكر الدم', undefined] as const;
const names = [
  'Smith',
  'smithson',
  'Müller',
  'أحمد',
  'احمد',
  'فاطِمة',
  "O'Neil",
  'van der Berg',
  '李',
  'a,b',
  'x'.repeat(250),
] as const;
const dates = [
  '2024',
  '2024-02',
  '2024-02-29',
  '2023-12-31',
  '2024-02-29T10:00:00Z',
  '2024-02-29T23:30:00-02:00',
  '2024-03-01T00:00:00.5Z',
  '1999-01',
] as const;
const numbers = [
  '1',
  '1.0',
  '1.00',
  '5.4',
  '5.40',
  '5400',
  '0.0054',
  '100',
  '99.96',
  '-3',
  '0',
  '1e2',
  '5.4000000000000000001',
  '5.39999999999999999999',
] as const;
const units = ['mmol/L', 'umol/L', 'mg', 'g', '{score}', 'Cel', '[degF]', 'bogus'] as const;
const ucum = 'http://unitsofmeasure.org';
const ids = ['1', '2', '3', '4', '5'] as const;
const statuses = ['final', 'amended', 'preliminary'] as const;

const pick = fc.constantFrom;
const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined });

const coding = fc.record({ system: pick(...systems), code: pick(...codes), display: pick(...displays) });
const concept = fc.record({ coding: maybe(fc.array(coding, { maxLength: 2 })), text: pick(...displays) });
const identifier = fc.record({
  system: pick('http://mrn', 'http://npi', undefined),
  value: pick('M-1', 'M-2', 'm-1'),
  type: maybe(concept),
});
const reference = (...types: string[]): fc.Arbitrary<object> =>
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc
        .record({ type: pick(...types), id: pick(...ids) })
        .map(({ type, id }) => ({ reference: `${type}/${id}` })),
    },
    {
      weight: 1,
      arbitrary: fc
        .record({ type: pick(...types), id: pick(...ids) })
        .map(({ type, id }) => ({ reference: `${type}/${id}/_history/2` })),
    },
    {
      weight: 1,
      arbitrary: pick(
        { reference: 'http://elsewhere.org/fhir/Patient/1' },
        { reference: 'urn:uuid:0d5c1a2e-0000-4000-8000-000000000001' },
      ),
    },
    { weight: 1, arbitrary: identifier.map((one) => ({ identifier: one })) },
  );
const humanName = fc.record({
  family: maybe(pick(...names)),
  given: maybe(fc.array(pick(...names), { maxLength: 2 })),
  text: maybe(pick(...names)),
});
/** A number as text: the resources are built as JSON text, so that their digits survive. */
const quantity = fc.record({
  value: pick(...numbers).map((text) => `#${text}#`),
  comparator: maybe(pick('<', '>=')),
  unit: maybe(pick('mmol/L', 'grams')),
  system: pick(ucum, ucum, ucum, 'http://other', undefined),
  code: maybe(pick(...units)),
});
/** A period that ends before it starts is refused when it is written. */
const period = fc
  .record({ start: maybe(pick(...dates)), end: maybe(pick(...dates)) })
  .filter(({ start, end }) => start === undefined || end === undefined || lowOf(start) <= lowOf(end));
const value = fc.oneof(
  quantity.map((valueQuantity) => ({ valueQuantity })),
  concept.map((valueCodeableConcept) => ({ valueCodeableConcept })),
  pick(...names).map((valueString) => ({ valueString })),
  pick(...dates).map((valueDateTime) => ({ valueDateTime })),
  fc.constant({}),
);
const effective = fc.oneof(
  pick(...dates).map((effectiveDateTime) => ({ effectiveDateTime })),
  period.map((effectivePeriod) => ({ effectivePeriod })),
  fc.constant({}),
);
const component = fc.tuple(fc.record({ code: concept }), value).map(([one, two]) => ({ ...one, ...two }));
const meta = maybe(
  fc.record({ tag: maybe(fc.array(coding, { maxLength: 1 })), source: maybe(pick('http://a/b', 'http://a/b/c')) }),
);

const observation = fc
  .tuple(
    fc.record({
      meta,
      identifier: maybe(fc.array(identifier, { maxLength: 2 })),
      status: pick(...statuses),
      code: concept,
      category: maybe(fc.array(concept, { maxLength: 2 })),
      subject: maybe(reference('Patient', 'Group')),
      performer: maybe(fc.array(reference('Practitioner', 'Organization', 'Patient'), { maxLength: 2 })),
      component: maybe(fc.array(component, { maxLength: 3 })),
    }),
    value,
    effective,
  )
  .map(([one, two, three]) => ({ resourceType: 'Observation', ...one, ...two, ...three }));

const patient = fc
  .tuple(
    fc.record({
      meta,
      identifier: maybe(fc.array(identifier, { maxLength: 2 })),
      active: maybe(fc.boolean()),
      name: maybe(fc.array(humanName, { maxLength: 2 })),
      gender: maybe(pick('male', 'female')),
      birthDate: maybe(pick('2024', '2024-02', '1999-01-05')),
      telecom: maybe(
        fc.array(fc.record({ system: pick('phone', 'email'), value: pick('1', 'A@b.c') }), { maxLength: 2 }),
      ),
      generalPractitioner: maybe(fc.array(reference('Practitioner', 'Organization'), { maxLength: 2 })),
      managingOrganization: maybe(reference('Organization')),
    }),
    fc.oneof(
      pick({ deceasedBoolean: true }, { deceasedBoolean: false }, {}),
      pick(...dates).map((deceasedDateTime) => ({ deceasedDateTime })),
    ),
  )
  .map(([one, two]) => ({ resourceType: 'Patient', ...one, ...two }));

const organization = fc
  .record({
    meta,
    name: pick(...names),
    partOf: maybe(reference('Organization')),
    identifier: maybe(fc.array(identifier, { maxLength: 1 })),
  })
  .map((one) => ({ resourceType: 'Organization', ...one }));
const practitioner = fc
  .record({ meta, name: maybe(fc.array(humanName, { maxLength: 1 })) })
  .map((one) => ({ resourceType: 'Practitioner', ...one }));
const risk = fc.record({ probability: pick(...numbers) }).map(({ probability }) => ({
  resourceType: 'RiskAssessment',
  status: 'final',
  subject: { reference: 'Patient/1' },
  prediction: [{ probabilityDecimal: `#${probability}#` }],
}));
const valueSet = fc
  .record({
    url: pick(
      'http://a.org',
      'http://a.org/b',
      'http://a.org/b/',
      'http://a.org/b/c',
      'http://a.org/bc',
      'urn:oid:1.2',
    ),
  })
  .map(({ url }) => ({ resourceType: 'ValueSet', status: 'active', url }));

const resource = fc.oneof(
  { weight: 6, arbitrary: observation },
  { weight: 3, arbitrary: patient },
  { weight: 1, arbitrary: organization },
  { weight: 1, arbitrary: practitioner },
  { weight: 1, arbitrary: risk },
  { weight: 1, arbitrary: valueSet },
);

/** JSON texts of resources with ids 1, 2, 3 … per type. */
export function randomResources(count: number, seed: number): string[] {
  const counts = new Map<string, number>();
  return fc.sample(resource as fc.Arbitrary<{ resourceType: string }>, { numRuns: count, seed }).map((one) => {
    const id = (counts.get(one.resourceType) ?? 0) + 1;
    counts.set(one.resourceType, id);
    const text = JSON.stringify({ id: String(id), ...one }, (_key, value: unknown) =>
      isEmpty(value) ? undefined : value,
    );
    return text.replace(/"#([^"#]*)#"/g, '$1');
  });
}

const lowOf = (date: string): number => dateInterval(date, 'UTC')?.low ?? 0;

function isEmpty(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

const escaped = (text: string): string => text.replace(/[\\,|$]/g, '\\$&');
const prefix = pick('', '', 'eq', 'ne', 'gt', 'lt', 'ge', 'le', 'sa', 'eb', 'ap');

const tokenText = fc
  .tuple(pick('http://loinc.org|', 'http://local|', '|', '', ''), pick(...codes))
  .map(([system, code]) => system + escaped(code));
const stringText = pick(...names, 'sm', 'SMITH', 'mull', 'فاطمه', 'احمد', 'ith', "o'").map(escaped);
const dateText = fc.tuple(prefix, pick(...dates)).map((parts) => parts.join(''));
const numberText = fc.tuple(prefix, pick(...numbers)).map((parts) => parts.join(''));
const quantityText = fc
  .tuple(
    numberText,
    pick(
      '',
      '',
      `|${ucum}|mmol/L`,
      `|${ucum}|umol/L`,
      `|${ucum}|mg`,
      `|${ucum}|g`,
      `|${ucum}|Cel`,
      `|${ucum}|[degF]`,
      `|${ucum}|bogus`,
      '|http://other|mg',
      '||mmol/L',
      '||grams',
    ),
  )
  .map((parts) => parts.join(''));
const referenceText = (...types: string[]): fc.Arbitrary<string> =>
  fc
    .tuple(pick(...types.map((type) => `${type}/`), ''), pick(...ids), pick('', '', '', '/_history/2'))
    .map(([type, id, version]) => (type === '' ? id : type + id + version));
const identifierText = fc
  .tuple(pick('http://mrn|', 'http://npi|', '|', ''), pick('M-1', 'm-2', 'none'))
  .map((parts) => parts.join(''));

/** Alternatives parted by commas. */
const list = (text: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.array(text, { minLength: 1, maxLength: 3 }).map((texts) => texts.join(','));
const given = (name: string, text: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  list(text).map((one) => `${name}=${encodeURIComponent(one)}`);
const missing = (...parameters: string[]): fc.Arbitrary<string> =>
  fc.tuple(pick(...parameters), fc.boolean()).map(([name, is]) => `${name}:missing=${is}`);

const observationParameter: fc.Arbitrary<string> = fc.oneof(
  ...[
    'code',
    'category',
    'combo-code',
    'component-code',
    'value-concept',
    'combo-value-concept',
    '_tag',
    'code:not',
    'category:not',
    'combo-code:not',
  ].map((name) => given(name, tokenText)),
  ...['code:text', 'value-string', 'value-string:exact', 'value-string:contains', 'component-code:text'].map((name) =>
    given(name, fc.oneof(stringText, pick('glucose', 'GLÜCOSE', 'سكر'))),
  ),
  given(
    'status',
    pick(...statuses, 'http://hl7.org/fhir/observation-status|final', 'http://x|final', 'entered-in-error'),
  ),
  given('status:not', pick(...statuses)),
  given('identifier', identifierText),
  ...['date', 'value-date'].map((name) => given(name, dateText)),
  ...['value-quantity', 'combo-value-quantity', 'component-value-quantity'].map((name) => given(name, quantityText)),
  given('subject', referenceText('Patient', 'Group')),
  given('subject', pick('http://elsewhere.org/fhir/Patient/1', 'urn:uuid:0d5c1a2e-0000-4000-8000-000000000001')),
  ...['patient', 'subject:Patient'].map((name) => given(name, referenceText('Patient'))),
  given('performer', referenceText('Practitioner', 'Organization', 'Patient')),
  given('subject:identifier', identifierText),
  given('_source', pick('http://a/b', 'http://a/b/c')),
  given('_source:below', pick('http://a/', 'http://a/b')),
  given('_id', pick(...ids)),
  ...['component-code-value-quantity', 'code-value-quantity', 'combo-code-value-quantity'].map((name) =>
    given(
      name,
      fc.tuple(tokenText, quantityText).map(([code, number]) => `${code}$${number}`),
    ),
  ),
  ...['component-code-value-concept', 'combo-code-value-concept', 'code-value-concept'].map((name) =>
    given(
      name,
      fc.tuple(tokenText, tokenText).map((pair) => pair.join('$')),
    ),
  ),
  missing(
    'code',
    'category',
    'subject',
    'patient',
    'date',
    'value-quantity',
    'value-concept',
    'performer',
    'status',
    'combo-code',
    'identifier',
    'value-date',
    'value-string',
  ),
  ...['patient.name', 'subject:Patient.name', 'performer:Organization.name', 'subject:Patient.name:exact'].map((name) =>
    given(name, stringText),
  ),
  given('patient.gender', pick('male', 'female')),
  given('patient.gender:not', pick('male', 'female')),
  given('patient.identifier', identifierText),
  given('patient.organization.name', stringText),
  given('patient.birthdate', dateText),
  given('subject:Patient._id', pick(...ids)),
);

const patientParameter: fc.Arbitrary<string> = fc.oneof(
  ...['name', 'family', 'given', 'name:exact', 'name:contains', 'family:exact'].map((name) => given(name, stringText)),
  ...['identifier', 'identifier:not'].map((name) => given(name, identifierText)),
  given(
    'identifier:of-type',
    fc
      .tuple(pick('http://loinc.org', 'http://local'), pick('a', 'B'), pick('M-1', 'm-2'))
      .map((parts) => parts.join('|')),
  ),
  given('identifier:text', pick('glu', 'سكر')),
  ...['gender', 'gender:not'].map((name) => given(name, pick('male', 'female', 'MALE'))),
  ...['active', 'active:not', 'deceased', 'deceased:not'].map((name) => given(name, pick('true', 'false'))),
  ...['birthdate', 'death-date'].map((name) => given(name, dateText)),
  ...['telecom', 'phone', 'email'].map((name) => given(name, pick('1', 'a@B.c'))),
  given('general-practitioner', referenceText('Practitioner', 'Organization')),
  given('organization', referenceText('Organization')),
  ...['organization.name', 'general-practitioner:Practitioner.family', 'organization.partof.name'].map((name) =>
    given(name, stringText),
  ),
  missing('name', 'gender', 'birthdate', 'telecom', 'phone', 'organization', 'identifier', 'active', 'death-date'),
  ...['_has:Observation:patient:code', '_has:Observation:subject:code', '_has:Observation:performer:code'].map((name) =>
    given(name, tokenText),
  ),
  given('_has:Observation:patient:status', pick(...statuses)),
  given('_has:Observation:patient:value-quantity', quantityText),
  given('_has:Observation:patient:performer:Organization.name', stringText),
);

const organizationParameter: fc.Arbitrary<string> = fc.oneof(
  given('name', stringText),
  given('partof', referenceText('Organization')),
  given('partof.name', stringText),
  given('_has:Organization:partof:name', stringText),
  given('_has:Patient:organization:gender', pick('male', 'female')),
  given('_has:Patient:organization:_has:Observation:patient:status', pick(...statuses)),
);

const query = (type: string, parameter: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.array(parameter, { minLength: 1, maxLength: 3 }).map((parameters) => `${type}?${parameters.join('&')}`);

export const randomQuery: fc.Arbitrary<string> = fc.oneof(
  { weight: 8, arbitrary: query('Observation', observationParameter) },
  { weight: 5, arbitrary: query('Patient', patientParameter) },
  { weight: 2, arbitrary: query('Organization', organizationParameter) },
  { weight: 2, arbitrary: query('RiskAssessment', given('probability', numberText)) },
  {
    weight: 1,
    arbitrary: query(
      'ValueSet',
      fc.oneof(
        ...['url', 'url:below', 'url:above'].map((name) =>
          given(name, pick('http://a.org', 'http://a.org/', 'http://a.org/b', 'http://a.org/b/c/d')),
        ),
      ),
    ),
  },
);
