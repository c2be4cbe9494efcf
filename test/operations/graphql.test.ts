/** $graphql, by the sections of R4's page. https://hl7.org/fhir/R4/graphql.html */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { operatorCaller } from '../../src/access/caller.ts';
import { parseScopes } from '../../src/access/scopes.ts';
import { executeGraphql } from '../../src/operations/graphql-execute.ts';
import { newTrail, untracked } from '../../src/interactions/trail.ts';
import type { Context } from '../../src/request.ts';
import type { Session } from '../../src/store/pool.ts';
import { makeLaboratory, signIn, testDatabase, type Laboratory } from '../server.ts';
import { ask, concept, digits, observation, patient, store, type Json } from './store.ts';

let lab: Laboratory;

const official = 'official';

const resources: readonly Json[] = [
  patient('p', {
    active: true,
    birthDate: '1974-12-25',
    _birthDate: { extension: [{ url: 'http://example.org/time', valueDateTime: '1974-12-25T14:35:45-05:00' }] },
    identifier: [{ system: 'urn:oid:1.2.36', value: '12345' }],
    name: [
      { use: official, family: 'Chalmers', given: ['Peter', 'James'] },
      { use: 'usual', given: ['Jim'] },
      { use: 'maiden', family: 'Windsor', given: ['Peter', 'James'] },
    ],
    telecom: [
      { system: 'phone', value: '1', rank: 1 },
      { system: 'phone', value: '2', rank: 2 },
      { system: 'email', value: '3' },
    ],
    managingOrganization: { reference: '#o' },
    contained: [{ resourceType: 'Organization', id: 'o', name: 'Inside' }],
    extension: [
      { url: 'http://example.org/a', valueString: 'A' },
      { url: 'http://example.org/b', valueString: 'B' },
    ],
  }),
  patient('q', { name: [{ family: 'Comma, Jr.' }] }),
  { resourceType: 'Practitioner', id: 'dr', name: [{ family: 'Who' }] },
  ...['1.00', '2.50', '12345678901234567890.123456789'].map((value, i) =>
    observation(`o${i + 1}`, 'Patient/p', {
      code: concept('a'),
      performer: [{ reference: 'Practitioner/dr' }],
      effectiveDateTime: `2026-01-0${i + 1}`,
      valueQuantity: { value: digits(value), unit: 'mg' },
    }),
  ),
  observation('o4', 'Patient/q', {
    code: concept('b'),
    effectiveDateTime: '2026-01-04',
  }),
];

/** More than a page of anything. */
const crowd: readonly Json[] = Array.from({ length: 60 }, (_, i) =>
  observation(`c${i}`, 'Patient/q', { code: concept('crowd'), effectiveDateTime: '2020-01-01' }),
);

beforeAll(async () => {
  lab = await makeLaboratory();
  await store(lab, [...resources, ...crowd]);
});

interface GraphqlAnswer {
  status: number;
  data: Json | null;
  errors: { message: string; extensions: { resource: { issue: { code: string }[] } } }[];
  text: string;
}

async function graph(path: string, query: string, who = lab, init?: RequestInit): Promise<GraphqlAnswer> {
  const address = `${path === '' ? '' : `${path}/`}$graphql`;
  const answer = init
    ? await who.fetch(address, { method: 'POST', ...init })
    : await who.fetch(`${address}?query=${encodeURIComponent(query)}`);
  const text = await answer.text();
  return { status: answer.status, text, ...(JSON.parse(text) as Omit<GraphqlAnswer, 'status' | 'text'>) };
}

async function data(path: string, query: string, who = lab): Promise<Json> {
  const answer = await graph(path, query, who);
  expect([answer.status, answer.errors?.map(({ message }) => message)]).toEqual([200, undefined]);
  return answer.data ?? {};
}

type Case = [what: string, query: string, expected: Json];

const fields: Case[] = [
  [
    'members',
    '{ resourceType id active birthDate }',
    { resourceType: 'Patient', id: 'p', active: true, birthDate: '1974-12-25' },
  ],
  [
    'extensions of primitives',
    '{ _birthDate { extension { valueDateTime } } }',
    { _birthDate: { extension: [{ valueDateTime: '1974-12-25T14:35:45-05:00' }] } },
  ],
  ['what is absent is null', '{ gender deceasedBoolean }', { gender: null, deceasedBoolean: null }],
  [
    'aliases and fragments',
    '{ born: birthDate ...f } fragment f on Patient { meta { versionId } }',
    { born: '1974-12-25', meta: { versionId: '1' } },
  ],
  ['@skip and @include', '{ id @skip(if: true) active @include(if: true) }', { active: true }],
];

const lists: Case[] = [
  ['fhirpath', '{ name(fhirpath: "family.exists()") { use } }', { name: [{ use: official }, { use: 'maiden' }] }],
  ['fhirpath with a truth value', '{ name(fhirpath: "given.count() = 1") { use } }', { name: [{ use: 'usual' }] }],
  ['a field as a word', '{ name(use: official) { family } }', { name: [{ family: 'Chalmers' }] }],
  [
    'a field as a string',
    '{ extension(url: "http://example.org/b") { valueString } }',
    { extension: [{ valueString: 'B' }] },
  ],
  ['a field as a number', '{ telecom(rank: 2) { value } }', { telecom: [{ value: '2' }] }],
  ['two fields', '{ telecom(rank: 2, system: email) { value } }', { telecom: [] }],
  ['_offset and _count', '{ telecom(_offset: 1, _count: 1) { value } }', { telecom: [{ value: '2' }] }],
  ['after the filter', '{ telecom(system: phone, _offset: 1) { value } }', { telecom: [{ value: '2' }] }],
];

const reorganised: Case[] = [
  [
    '@flatten',
    '{ identifier @flatten { system value } active name @flatten { text given family } }',
    {
      system: ['urn:oid:1.2.36'],
      value: ['12345'],
      active: true,
      given: ['Peter', 'James', 'Jim', 'Peter', 'James'],
      family: ['Chalmers', 'Windsor'],
    },
  ],
  [
    '@first',
    '{ name @flatten { given @first family } }',
    { given: ['Peter', 'Jim', 'Peter'], family: ['Chalmers', 'Windsor'] },
  ],
  ['@first without @flatten', '{ name @first { given @first } }', { name: [{ given: ['Peter'] }] }],
  [
    '@singleton',
    '{ identifier @flatten { system @singleton value @singleton } name @flatten @first { given family @singleton } }',
    { system: 'urn:oid:1.2.36', value: '12345', given: ['Peter', 'James'], family: 'Chalmers' },
  ],
  [
    '@slice by a path',
    '{ name @flatten @slice(path: "use") { given family @singleton } }',
    {
      'given.official': ['Peter', 'James'],
      'family.official': 'Chalmers',
      'given.usual': ['Jim'],
      'given.maiden': ['Peter', 'James'],
      'family.maiden': 'Windsor',
    },
  ],
  [
    '@slice by index',
    '{ name @flatten @slice(path: "$index") { given @first @singleton } }',
    { 'given.0': 'Peter', 'given.1': 'Jim', 'given.2': 'Peter' },
  ],
  [
    '@slice without @flatten',
    '{ telecom @slice(path: "system") { value } }',
    { 'telecom.phone': [{ value: '1' }, { value: '2' }], 'telecom.email': [{ value: '3' }] },
  ],
  [
    'through references',
    '{ ObservationList(_reference: patient, code: a) @flatten { performer @flatten { resource @flatten { ... on Practitioner { name @flatten { family } } } } } }',
    { family: ['Who', 'Who', 'Who'] },
  ],
];

describe('an instance', () => {
  test.each([...fields, ...lists, ...reorganised])('%s', async (_what, query, expected) => {
    expect(await data('Patient/p', query)).toEqual(expected);
  });

  test('decimals keep their digits, flattened ones too', async () => {
    const plain = await graph('Patient/p', '{ ObservationList(_reference: patient) { valueQuantity { value } } }');
    expect(plain.text.match(/[\d.]{4,}/g)).toEqual(['12345678901234567890.123456789', '2.50', '1.00']);
    const flat = await graph('', '{ ObservationList(patient: p) @flatten { valueQuantity @flatten { value } } }');
    expect(flat.text).toContain('[12345678901234567890.123456789,2.50,1.00]');
  });

  test.each([
    ['several values of a singleton', '{ name @flatten { family @singleton } }', /@singleton and has 2 values/],
    ['several types under one name', '{ name @flatten { x: family } telecom @flatten { x: rank } }', /several types/],
  ])('%s is an error', async (_what, query, words) => {
    const { status, errors } = await graph('Patient/p', query);
    expect([status, errors[0]?.message]).toEqual([422, expect.stringMatching(words)]);
  });
});

describe('references', () => {
  test('with a fragment, with a type, contained', async () => {
    expect(await data('Observation/o1', '{ subject { resource { id ... on Patient { birthDate } } } }')).toEqual({
      subject: { resource: { id: 'p', birthDate: '1974-12-25' } },
    });
    expect(await data('Observation/o1', '{ subject { resource(type: Practitioner) { id } } }')).toEqual({
      subject: { resource: null },
    });
    const inside =
      '{ managingOrganization { resource { ... on Organization { name } } } contained { resourceType id } }';
    expect(await data('Patient/p', inside)).toEqual({
      managingOrganization: { resource: { name: 'Inside' } },
      contained: [{ resourceType: 'Organization', id: 'o' }],
    });
  });

  test('a type that the query does not name', async () => {
    expect(await data('Observation/o1', '{ performer { resource { id resourceType __typename } } }')).toEqual({
      performer: [{ resource: { id: 'dr', resourceType: 'Practitioner', __typename: 'OtherResource' } }],
    });
  });

  test('one that leads nowhere is an error unless it is optional', async () => {
    await store(lab, [
      observation('dangling', 'Patient/q', { code: concept('d'), performer: [{ display: 'somebody' }] }),
    ]);
    const { status, errors, data: none } = await graph('Observation/dangling', '{ performer { resource { id } } }');
    expect([status, none, errors[0]?.extensions.resource.issue[0]?.code]).toEqual([404, null, 'not-found']);
    expect(await data('Observation/dangling', '{ performer { resource(optional: true) { id } } }')).toEqual({
      performer: [{ resource: null }],
    });
  });
});

describe('searches', () => {
  const cases: Case[] = [
    ['one by id', '{ Patient(id: p) { id } }', { Patient: { id: 'p' } }],
    ['two by alias', '{ a: Patient(id: "p") { id } b: Patient(id: q) { id } }', { a: { id: 'p' }, b: { id: 'q' } }],
    ['a list', '{ PatientList(family: "chalm") { id } }', { PatientList: [{ id: 'p' }] }],
    [
      'several values are ORed',
      '{ PatientList(_id: [p, "q"], _sort: _id) { id } }',
      { PatientList: [{ id: 'p' }, { id: 'q' }] },
    ],
    ['a comma belongs to the value', '{ PatientList(family: "Comma, J") { id } }', { PatientList: [{ id: 'q' }] }],
    [
      '- is _',
      '{ ObservationList(code_value_quantity: "a$gt2", _sort: date) { id } }',
      { ObservationList: [{ id: 'o2' }, { id: 'o3' }] },
    ],
    ['_filter', '{ PatientList(_filter: "family co mma") { id } }', { PatientList: [{ id: 'q' }] }],
    ['_count', '{ ObservationList(patient: p, _count: 1) { id } }', { ObservationList: [{ id: 'o3' }] }],
    [
      'fhirpath',
      '{ ObservationList(patient: p, fhirpath: "value.value = 2.5") { id } }',
      { ObservationList: [{ id: 'o2' }] },
    ],
    ['nothing', '{ PatientList(family: nobody) { id } }', { PatientList: [] }],
    [
      'reverse in reverse',
      '{ PatientList(_id: p) { ObservationList(_reference: patient, _count: 2) { id subject { resource { ... on Patient { ObservationList(_reference: subject, _count: 1) { id } } } } } } }',
      {
        PatientList: [
          {
            ObservationList: ['o3', 'o2'].map((id) => ({
              id,
              subject: { resource: { ObservationList: [{ id: 'o3' }] } },
            })),
          },
        ],
      },
    ],
  ];

  test.each(cases)('%s', async (_what, query, expected) => {
    expect(await data('', query)).toEqual(expected);
  });

  test('a list for each of many, in its own order', async () => {
    const query =
      '{ PatientList(_id: [p, q], _sort: _id) { id ObservationList(_reference: patient, _count: 3) { id } } }';
    const { PatientList: patients } = (await data('', query)) as { PatientList: Json[] };
    expect(patients[0]).toEqual({ id: 'p', ObservationList: [{ id: 'o3' }, { id: 'o2' }, { id: 'o1' }] });
    expect(patients[1]?.['ObservationList']).toHaveLength(3);
  });

  test('a connection leads through all pages, also from within', async () => {
    const page = '{ count pagesize next previous edges { mode score resource { id } } }';
    type Page = { count: number; pagesize: number; next: string | null; edges: { resource: { id: string } }[] };
    const inner = await data(
      'Patient/q',
      `{ ObservationConnection(_reference: patient, code: crowd, _count: 25) ${page} }`,
    );
    let at = inner['ObservationConnection'] as Page;
    expect([at.count, at.pagesize]).toEqual([60, 25]);
    const seen = at.edges.map(({ resource }) => resource.id);
    while (at.next !== null) {
      const found = await data('', `{ ObservationConnection(_cursor: "${at.next}") ${page} }`);
      at = found['ObservationConnection'] as Page;
      seen.push(...at.edges.map(({ resource }) => resource.id));
    }
    expect(new Set(seen)).toEqual(new Set(crowd.map(({ id }) => id)));
    expect(seen).toHaveLength(60);
  });

  test.each([
    ['a cursor with other arguments', '{ PatientConnection(_cursor: "x", name: y) { next } }', /no other argument/],
    ['a forged cursor', '{ PatientConnection(_cursor: "x.y") { next } }', /cursor/],
    ['an unknown argument', '{ PatientList(colour: red) { id } }', /colour/],
    ['a bad value', '{ PatientList(birthdate: never) { id } }', /birthdate/],
    ['_include', '{ PatientList(_include: "Patient:organization") { id } }', /_include/],
    ['a mutation', 'mutation { PatientCreate { id } }', /mutation/],
    ['an unknown field', '{ PatientList { colour } }', /colour/],
    ['no document', '{', /Syntax/],
    [
      'a cursor inside',
      '{ PatientList { ObservationConnection(_reference: patient, _cursor: "x") { next } } }',
      /_cursor/,
    ],
  ])('%s is refused', async (_what, query, words) => {
    const { status, data: none, errors } = await graph('', query);
    expect([status, none, errors[0]?.message]).toEqual([400, null, expect.stringMatching(words)]);
    expect(errors[0]?.extensions.resource).toMatchObject({ resourceType: 'OperationOutcome' });
  });

  test('an id that is not there', async () => {
    expect((await graph('', '{ Patient(id: nobody) { id } }')).status).toBe(404);
    expect((await lab.fetch('Patient/nobody/$graphql?query={id}')).status).toBe(404);
  });
});

describe('invoking', () => {
  const post = (contentType: string, body: string): RequestInit => ({ body, headers: { 'content-type': contentType } });
  const query = 'query q($id: Literal!) { Patient(id: $id) { id } } query r { Patient(id: q) { id } }';

  test.each([
    ['a document', post('application/graphql', '{ Patient(id: q) { id } }')],
    ['JSON', post('application/json', JSON.stringify({ query, operationName: 'q', variables: { id: 'q' } }))],
    ['another operation', post('application/json', JSON.stringify({ query, operationName: 'r' }))],
    [
      'Parameters',
      post(
        'application/fhir+json',
        JSON.stringify({
          resourceType: 'Parameters',
          parameter: [{ name: 'query', valueString: '{ Patient(id: q) { id } }' }],
        }),
      ),
    ],
  ])('%s', async (_what, init) => {
    for (const path of ['', 'Patient']) {
      const answer = await graph(path, '', lab, init);
      expect([answer.status, answer.data]).toEqual([200, { Patient: { id: 'q' } }]);
    }
  });

  test('the answer is plain JSON', async () => {
    const answer = await lab.fetch('$graphql?query={PatientList{id}}');
    expect(answer.headers.get('content-type')).toBe('application/json');
  });

  test('in a batch it is a Binary', async () => {
    const entry = [{ request: { method: 'GET', url: '$graphql?query={Patient(id:q){id}}' } }];
    const { json } = await ask(lab, '', { resourceType: 'Bundle', type: 'batch', entry });
    const [{ resource }] = json['entry'] as [{ resource: { resourceType: string; contentType: string; data: string } }];
    expect([resource.resourceType, resource.contentType]).toEqual(['Binary', 'application/json']);
    expect(JSON.parse(Buffer.from(resource.data, 'base64').toString())).toEqual({ data: { Patient: { id: 'q' } } });
  });

  test.each([
    ['nothing', post('application/json', '{}'), 400],
    ['a list', post('application/json', '[]'), 400],
    ['another resource', post('application/fhir+json', '{"resourceType":"Patient"}'), 400],
    ['XML', post('application/xml', '<a/>'), 415],
    ['variables that are none', post('application/json', '{"query":"{PatientList{id}}","variables":[1]}'), 400],
  ])('%s is refused', async (_what, init, status) => {
    const answer = await lab.fetch('$graphql', { method: 'POST', ...init });
    expect(answer.status).toBe(status);
  });
});

describe('access', () => {
  const all = '{ PatientList(_id: [p, q]) { id ObservationList(_reference: patient) { id } } }';

  test('another laboratory sees nothing of this one', async () => {
    const other = await makeLaboratory();
    await store(other, [patient('p', { name: [{ family: 'Theirs' }] })]);
    expect(await data('', all, other)).toEqual({ PatientList: [{ id: 'p', ObservationList: [] }] });
    expect((await graph('Observation/o1', '{ id }', other)).status).toBe(404);
    const cursor = (await data('', '{ ObservationConnection(_count: 1) { next } }'))['ObservationConnection'] as Json;
    const stolen = `{ ObservationConnection(_cursor: "${String(cursor['next'])}") { next } }`;
    expect((await graph('', stolen, other)).status).toBe(400);
  });

  test('a list of a type that the caller may not see is refused', async () => {
    const caller = await signIn(lab.tenant, 'system/Patient.rs');
    expect(await data('', '{ PatientList(_id: p) { id } }', caller)).toEqual({ PatientList: [{ id: 'p' }] });
    const { status, errors } = await graph('', all, caller);
    expect([status, errors[0]?.extensions.resource.issue[0]?.code]).toEqual([403, 'forbidden']);
  });

  test('a reference to what the caller may not see leads nowhere', async () => {
    const caller = await signIn(lab.tenant, 'system/Observation.rs');
    expect((await graph('Observation/o1', '{ subject { resource { id } } }', caller)).status).toBe(404);
    expect(await data('Observation/o1', '{ subject { resource(optional: true) { id } } }', caller)).toEqual({
      subject: { resource: null },
    });
  });

  test('a search by what the caller may not see finds nothing', async () => {
    const caller = await signIn(lab.tenant, 'system/Observation.rs');
    const chained = '{ ObservationList(_filter: "patient.name co chalmers") { id } }';
    expect(((await data('', chained))['ObservationList'] as Json[]).length).toBe(3);
    expect(await data('', chained, caller)).toEqual({ ObservationList: [] });
  });

  test.each([
    ['system/Observation.r', 'Observation/o1', 403],
    ['system/Observation.s', 'Observation/o1', 403],
    ['system/Patient.rs', 'Observation/o1', 403],
    ['system/Patient.r', '', 403],
    ['system/Observation.rs', 'Observation/o1', 200],
  ])('%s on %s/$graphql gets %i', async (scopes, path, status) => {
    const caller = await signIn(lab.tenant, scopes);
    expect((await caller.fetch(`${path === '' ? '' : `${path}/`}$graphql?query={__typename}`)).status).toBe(status);
  });
});

describe('hostile', () => {
  const nested = (depth: number): string =>
    `${'{ subject { resource { ... on Observation '.repeat(depth)}{ id }${' } } }'.repeat(depth)}`;
  const doubling = (steps: number): string =>
    `{ PatientList { ...f0 } } ${Array.from({ length: steps }, (_, i) => `fragment f${i} on Patient { ...f${i + 1} ...f${i + 1} }`).join(' ')} fragment f${steps} on Patient { id }`;
  const aliases = (count: number): string =>
    `{ ${Array.from({ length: count }, (_, i) => `a${i}: PatientList { id }`).join(' ')} }`;

  const documents: Record<string, string> = {
    deep: nested(30),
    wide: aliases(1_200),
    'fragments in a circle': '{ PatientList { ...a } } fragment a on Patient { ...b } fragment b on Patient { ...a }',
    'a fragment in itself': '{ PatientList { ...a } } fragment a on Patient { id ...a }',
    'fragments that double': doubling(30),
    'fields without end': `{ PatientList { ${'id '.repeat(6_000)} } }`,
    'braces without end': '{'.repeat(100_000),
    'many schemas': `{ ${Array.from({ length: 6 }, (_, i) => `a${i}: __schema { types { name } }`).join(' ')} }`,
    'the schema in itself':
      '{ __schema { types { fields { type { fields { type { fields { type { fields { name } } } } } } } } } }',
    'every type': `{ ${['Account', 'Basic', 'Binary', 'Bundle', 'CarePlan', 'CareTeam', 'Claim', 'Consent', 'Contract', 'Coverage', 'Device', 'Encounter', 'Endpoint', 'Flag', 'Goal', 'Group', 'Invoice', 'Library', 'List', 'Location', 'Media'].map((type) => `${type}List { id }`).join(' ')} }`,
    'a path that is long': `{ PatientList(fhirpath: "${'1+'.repeat(1_000)}1") { id } }`,
    'a negative count': '{ PatientList { name(_count: -1) { use } } }',
    'an unknown directive': '{ PatientList @deep { id } }',
    ['__proto__']: '{ __proto__ { id } }',
  };

  test.each(Object.keys(documents))('%s is refused', async (name) => {
    const started = performance.now();
    const { status } = await graph('', '', lab, {
      body: JSON.stringify({ query: documents[name] }),
      headers: { 'content-type': 'application/json' },
    });
    expect([name, status]).toEqual([name, 400]);
    expect(performance.now() - started).toBeLessThan(120_000);
  });

  test('an answer that grows in each step is refused', async () => {
    const step = (inner: string): string =>
      `PatientList { id subject: ObservationList(_reference: patient) { id performer { resource(optional: true) { id } } ${inner} } }`;
    const again =
      'subject { resource { ... on Patient { ObservationList(_reference: patient) { id subject { resource { ... on Patient { ObservationList(_reference: patient) { id } } } } } } } }';
    const { status, errors } = await graph('', `{ ${step(again)} }`);
    expect([status, errors?.[0]?.extensions.resource.issue[0]?.code]).toEqual([413, 'too-costly']);
  });

  test('expressions that take long are refused', async () => {
    const slow = `descendants()${'.select(%resource.descendants().combine($this))'.repeat(3)}.count() > 0`;
    const lists = Array.from({ length: 20 }, (_, i) => `a${i}: ObservationList(fhirpath: "${slow}") { id }`);
    const started = performance.now();
    const { status, errors } = await graph('', `{ ${lists.join(' ')} }`);
    expect([status, errors?.[0]?.message]).toEqual([413, expect.stringMatching(/FHIRPath/)]);
    expect(performance.now() - started).toBeLessThan(120_000);
  });
});

describe('statements', () => {
  test('a list of resources with lists and references costs one for each step', async () => {
    const statements: unknown[] = [];
    const query =
      '{ PatientList(_id: [p, q]) { ObservationList(_reference: patient, _count: 5) { subject { resource { id } } performer { resource(optional: true) { id } } } } }';
    const outcome = await executeGraphql(counting(statements), system, {
      query,
      variables: {},
      operationName: undefined,
    });
    expect(outcome).toHaveProperty('data.PatientList.length', 2);
    expect(statements).toHaveLength(4);
  });
});

const system = { type: '', id: '', version: '', operation: '$graphql', member: '' };

/** A context on the test's own connections that notes each statement. */
function counting(statements: unknown[]): Context {
  const database = testDatabase();
  const session: Session = {
    tenant: lab.tenant.id,
    query: (statement) => {
      statements.push(statement);
      return database.query(lab.tenant.id, statement);
    },
  };
  const caller = operatorCaller({ subject: 's', client: 'c', scopes: parseScopes('system/*.rs') });
  const trail = newTrail(untracked);
  return { session, caller, trail, tenant: lab.tenant, base: lab.base } as unknown as Context;
}

describe('introspection', () => {
  test('a type and its searches', async () => {
    const query = '{ __type(name: "Patient") { name fields { name args { name } } } }';
    const { __type: type } = (await data('', query)) as {
      __type: { name: string; fields: { name: string; args: { name: string }[] }[] };
    };
    const names = type.fields.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['birthDate', '_birthDate', 'deceasedBoolean', 'PatientList']));
    const args = type.fields.find(({ name }) => name === 'PatientList')?.args.map(({ name }) => name);
    expect(args).toEqual(expect.arrayContaining(['_reference', 'general_practitioner', '_filter']));
  });

  test('the whole schema, as tools ask for it', async () => {
    const { getIntrospectionQuery, buildClientSchema } = await import('graphql');
    const query = getIntrospectionQuery();
    const schema = buildClientSchema((await data('', query)) as never);
    expect(schema.getQueryType()?.getFields()).toHaveProperty('ObservationConnection');
  });
});
