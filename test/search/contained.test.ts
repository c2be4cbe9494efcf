/** `_contained` and `_containedType`: https://hl7.org/fhir/R4/search.html#contained; two laboratories hold the same ids. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { all, type Access } from '../../src/search/ast.ts';
import { parseSearch } from '../../src/search/parse.ts';
import { effort as usual } from '../../src/search/strategy.ts';
import { sql } from '../../src/store/sql.ts';
import { ask, store as put, type Json } from '../operations/store.ts';
import { makeLaboratory, signIn, type Laboratory } from '../server.ts';
import { find, findPage, queryOf, remove, session, store } from './fixture.ts';

const concept = (code: string): Json => ({ coding: [{ system: 'http://drugs', code }] });

const medication = (id: string, code: string, more: Json = {}): Json => ({
  resourceType: 'Medication',
  id,
  status: 'active',
  code: concept(code),
  ...more,
});

const request = (id: string, contained: readonly Json[], more: Json = {}): Json => ({
  resourceType: 'MedicationRequest',
  id,
  status: 'active',
  intent: 'order',
  subject: { reference: 'Patient/p' },
  ...(contained.length > 0 && { contained, medicationReference: { reference: `#${String(contained[0]?.['id'])}` } }),
  ...(contained.length > 1 && {
    supportingInformation: contained.slice(1).map(({ id: local }) => ({ reference: `#${String(local)}` })),
  }),
  ...more,
});

const organization = (id: string, name: string): Json => ({ resourceType: 'Organization', id, name });

const resources: readonly Json[] = [
  { resourceType: 'Patient', id: 'p' },
  organization('maker', 'Maker'),
  medication('free', 'aspirin'),
  medication('m1', 'ibuprofen'),
  request('r1', [medication('m1', 'aspirin', { manufacturer: { reference: 'Organization/maker' } })]),
  request('r2', [
    medication('m1', 'morphine', { ingredient: [{ itemCodeableConcept: concept('abc') }] }),
    medication('m2', 'Aspirin', { status: 'inactive' }),
  ]),
  request('r3', [medication('m1', 'codeine')], { subject: { reference: 'Patient/q' } }),
  request('outside', [], { medicationReference: { reference: 'Medication/m1' } }),
  request('plain', [], { medicationCodeableConcept: concept('aspirin') }),
  {
    resourceType: 'DiagnosticReport',
    id: 'report',
    status: 'final',
    code: concept('panel'),
    subject: { reference: '#p' },
    contained: [
      {
        resourceType: 'Observation',
        id: 'glucose',
        status: 'final',
        code: concept('glucose'),
        subject: { reference: 'Patient/p' },
        effectiveDateTime: '2026-02-01',
        valueQuantity: { value: 5.4, unit: 'mmol/L', system: 'http://unitsofmeasure.org', code: 'mmol/L' },
      },
      {
        resourceType: 'Observation',
        id: 'sodium',
        status: 'preliminary',
        code: concept('sodium'),
        effectiveDateTime: '2026-01-01',
        valueQuantity: { value: 140, unit: 'mmol/L', system: 'http://unitsofmeasure.org', code: 'mmol/L' },
        component: [{ code: concept('low'), valueQuantity: { value: 1 } }],
      },
      { resourceType: 'Patient', id: 'p', birthDate: '1980', deceasedBoolean: true, name: [{ family: 'Jiddī' }] },
    ],
    result: [{ reference: '#glucose' }, { reference: '#sodium' }],
  },
];

/** The same ids, with other contents. */
const others: readonly Json[] = [
  { resourceType: 'Patient', id: 'p' },
  medication('free', 'codeine'),
  request('r1', [medication('m1', 'codeine')]),
  request('r2', [medication('m1', 'aspirin')]),
  request('r3', []),
];

let tenant = 0;
let other = 0;

beforeAll(async () => {
  const [theirs, mine] = await Promise.all([makeLaboratory(), makeLaboratory()]);
  other = theirs.tenant.id;
  tenant = mine.tenant.id;
  await store(other, others);
  await store(tenant, resources);
});

const containers: readonly (readonly [query: string, ids: readonly string[]])[] = [
  ['code=aspirin', ['Medication/free']],
  ['code=aspirin&_contained=false', ['Medication/free']],
  ['code=aspirin&_contained=true', ['MedicationRequest/r1', 'MedicationRequest/r2']],
  ['code=aspirin&_contained=true&_containedType=container', ['MedicationRequest/r1', 'MedicationRequest/r2']],
  ['code=aspirin&_contained=both', ['Medication/free', 'MedicationRequest/r1', 'MedicationRequest/r2']],
  ['code=http://drugs|aspirin&status=active&_contained=true', ['MedicationRequest/r1']],
  ['code:not=aspirin&_contained=true', ['MedicationRequest/r2', 'MedicationRequest/r3']],
  ['ingredient-code=abc&_contained=true', ['MedicationRequest/r2']],
  ['ingredient-code=abc', []],
  ['ingredient-code:missing=false&_contained=true', ['MedicationRequest/r2']],
  ['code=nothing&_contained=both', []],
  ['manufacturer=Organization/maker&_contained=true', ['MedicationRequest/r1']],
  ['manufacturer.name=make&_contained=true', ['MedicationRequest/r1']],
  ['manufacturer.name=other&_contained=true', []],
  [
    '_filter=code eq aspirin or code eq codeine&_contained=true',
    ['r1', 'r2', 'r3'].map((id) => `MedicationRequest/${id}`),
  ],
  ['_id=m1&_contained=true', ['r1', 'r2', 'r3'].map((id) => `MedicationRequest/${id}`)],
  ['_id=m1&_contained=false', ['Medication/m1']],
  ['_id=m2&_contained=both', ['MedicationRequest/r2']],
];

describe('containers', () => {
  const named = async (query: string, where = tenant): Promise<string[]> => {
    const { matches } = await findPageOf(where, query);
    return matches.map(({ name }) => name).sort();
  };

  test.each(containers)('Medication?%s', async (query, expected) => {
    expect(await named(query)).toEqual([...expected].sort());
  });

  test('the other laboratory has its own', async () => {
    expect(await named('code=aspirin&_contained=both', other)).toEqual(['MedicationRequest/r2']);
    expect(await named('code=codeine&_contained=true', other)).toEqual(['MedicationRequest/r1']);
  });

  test.each(containers)('the total of Medication?%s', async (query, expected) => {
    const { total } = await findPage(tenant, `Medication?${query}&_summary=count`);
    expect(total).toBe(expected.length);
  });
});

/** The matches as they are named in a Bundle: `Type/id` or `Type/id#local`. */
async function findPageOf(
  where: number,
  query: string,
  type = 'Medication',
): Promise<{ matches: { name: string; text: string }[]; included: string[] }> {
  const { runSearch } = await import('../../src/store/search.ts');
  const { typeName } = await import('../../src/fhir/resource-types.ts');
  const page = await runSearch(session(where), parseSearch(type === '' ? undefined : type, queryOf(query)));
  return {
    matches: page.matches.map(({ type: number, id, within, text }) => ({
      name: within === undefined ? `${typeName(number)}/${id}` : `${typeName(within.type)}/${within.id}#${id}`,
      text: text ?? '',
    })),
    included: page.included.map((one) => `${typeName(one.type)}/${one.id}`).sort(),
  };
}

const contents: readonly (readonly [type: string, query: string, names: readonly string[]])[] = [
  ['Medication', 'code=aspirin&_contained=true', ['MedicationRequest/r1#m1', 'MedicationRequest/r2#m2']],
  [
    'Medication',
    'code=aspirin&_contained=both',
    ['Medication/free', 'MedicationRequest/r1#m1', 'MedicationRequest/r2#m2'],
  ],
  ['Medication', 'code=ibuprofen&_contained=true', []],
  ['Observation', 'patient=p&_contained=true', ['DiagnosticReport/report#glucose']],
  ['Observation', 'status=preliminary&_contained=true', ['DiagnosticReport/report#sodium']],
  ['Observation', 'date=2026-02&_contained=true', ['DiagnosticReport/report#glucose']],
  ['Observation', 'date=lt2026-02&_contained=true', ['DiagnosticReport/report#sodium']],
  ['Observation', 'value-quantity=gt100&_contained=true', ['DiagnosticReport/report#sodium']],
  ['Observation', 'code-value-quantity=glucose$5.4&_contained=true', ['DiagnosticReport/report#glucose']],
  ['Observation', 'code-value-quantity=sodium$5.4&_contained=true', []],
  ['Observation', 'component-code=low&_contained=true', ['DiagnosticReport/report#sodium']],
  [
    'Observation',
    'combo-code=low,glucose&_contained=true',
    ['DiagnosticReport/report#glucose', 'DiagnosticReport/report#sodium'],
  ],
  ['Observation', 'code:text=none&_contained=true', []],
  ['Patient', 'family=jiddi&_contained=true', ['DiagnosticReport/report#p']],
  ['Patient', 'deceased=true&_contained=true', ['DiagnosticReport/report#p']],
  ['Patient', 'birthdate=1980&_contained=both', ['DiagnosticReport/report#p']],
  [
    'Observation',
    '_lastUpdated=gt2020&_contained=true',
    ['DiagnosticReport/report#glucose', 'DiagnosticReport/report#sodium'],
  ],
  ['', '_type=Medication,Patient&_id=p,m2&_contained=true', ['DiagnosticReport/report#p', 'MedicationRequest/r2#m2']],
];

describe('contained resources themselves', () => {
  test.each(contents)('%s?%s', async (type, query, expected) => {
    const { matches } = await findPageOf(tenant, `${query}&_containedType=contained`, type);
    expect(matches.map(({ name }) => name).sort()).toEqual([...expected].sort());
  });

  test('are answered as they stand in their container', async () => {
    const query = 'code=glucose&_contained=true&_containedType=contained';
    const [match] = (await findPageOf(tenant, query, 'Observation')).matches;
    expect(JSON.parse(match?.text ?? '')).toMatchObject({
      resourceType: 'Observation',
      id: 'glucose',
      valueQuantity: { value: 5.4 },
    });
  });

  test.each([
    ['_sort=date', ['sodium', 'glucose']],
    ['_sort=-date', ['glucose', 'sodium']],
    ['', ['glucose', 'sodium']],
    ['_sort=value-quantity', ['glucose', 'sodium']],
    ['_sort=-value-quantity', ['sodium', 'glucose']],
    ['_sort=_id', ['glucose', 'sodium']],
    ['_sort=-status', ['sodium', 'glucose']],
  ])('in the order of %s', async (sort, expected) => {
    const query = `_contained=true&_containedType=contained&${sort}`;
    expect(await find(tenant, `Observation?${query}`)).toEqual(expected);
  });

  test('their references are included', async () => {
    const query = 'code=aspirin&_contained=true&_containedType=contained&_include=Medication:manufacturer';
    expect((await findPageOf(tenant, query)).included).toEqual(['Organization/maker']);
  });
});

test('includes start from the containers where those are answered', async () => {
  const query = 'code=aspirin&_contained=true&_include=MedicationRequest:subject&_include=Medication:manufacturer';
  expect((await findPageOf(tenant, query)).included).toEqual(['Patient/p']);
});

describe('chains go into what a resource contains', () => {
  test.each([
    ['MedicationRequest?medication.code=aspirin', ['r1']],
    ['MedicationRequest?medication.code=morphine', ['r2']],
    ['MedicationRequest?medication.code:not=morphine', ['r1', 'r3', 'outside']],
    ['MedicationRequest?medication.code=ibuprofen', ['outside']],
    ['MedicationRequest?medication.code=ibuprofen,codeine', ['outside', 'r3']],
    ['MedicationRequest?medication.status=inactive', []],
    ['MedicationRequest?medication._id=m1', ['outside', 'r1', 'r2', 'r3']],
    ['MedicationRequest?medication.manufacturer.name=make', ['r1']],
    ['MedicationRequest?medication:Medication.ingredient-code=abc', ['r2']],
    ['MedicationRequest?medication.code=aspirin&status=active&patient=p', ['r1']],
    ['MedicationRequest?_filter=medication.code eq aspirin or medication.code eq codeine', ['r1', 'r3']],
    ['DiagnosticReport?result.code=glucose', ['report']],
    ['DiagnosticReport?result.value-quantity=gt100', ['report']],
    ['DiagnosticReport?result.code=glucose&result.code=sodium', ['report']],
    ['DiagnosticReport?result.code=potassium', []],
    ['DiagnosticReport?subject:Patient.family=jiddi', ['report']],
    ['DiagnosticReport?patient.birthdate=1980', ['report']],
    ['DiagnosticReport?performer.name=x', []],
    ['Patient?_has:MedicationRequest:patient:medication.code=morphine', ['p']],
  ])('%s', async (query, expected) => {
    for (const effort of [undefined, { smallSet: 0, triedRows: 1 }]) {
      const { matches } = await findPage(
        tenant,
        query,
        effort === undefined ? {} : { effort: { ...usual, ...effort } },
      );
      expect(matches.sort()).toEqual([...expected].sort());
    }
    expect((await findPage(tenant, `${query}&_summary=count`)).total).toBe(expected.length);
  });

  test('at the other laboratory into its own', async () => {
    expect(await find(other, 'MedicationRequest?medication.code=aspirin')).toEqual(['r2']);
    expect(await find(other, 'DiagnosticReport?result.code=glucose')).toEqual([]);
  });

  test('of types that the caller may see', async () => {
    const access: Access = (type) => (type === 'MedicationRequest' ? all : undefined);
    expect(await find(tenant, 'MedicationRequest?medication.code=aspirin', { access })).toEqual([]);
    const some: Access = (type) => (type === 'Medication' ? parseSearch(type, [['code', 'codeine']]).condition : all);
    expect(await find(tenant, 'MedicationRequest?medication.status=active', { access: some })).toEqual(['r3']);
  });
});

describe('every other search is blind to them', () => {
  test.each([
    ['Observation?code=glucose', []],
    ['Observation?patient=p', []],
    ['Observation?code=glucose&_summary=count', []],
    ['Observation?status=preliminary', []],
    ['Observation?date=2026-02-01', []],
    ['Observation?value-quantity=140', []],
    ['Medication?manufacturer=Organization/maker', []],
    ['Medication?manufacturer:missing=false', []],
    ['Organization?_has:Medication:manufacturer:status=active', []],
    ['Patient?_has:Observation:patient:code=glucose', []],
    ['Patient?family=jiddi', []],
    ['Patient?_id=p', ['p']],
    ['MedicationRequest?code=aspirin', ['plain']],
  ])('%s', async (query, expected) => {
    const { matches, total } = await findPage(tenant, query);
    expect(matches).toEqual(expected);
    expect(total).toBe(expected.length);
  });

  test('a count from the index alone', async () => {
    expect((await findPage(tenant, 'Medication?code=aspirin&_summary=count')).total).toBe(1);
    expect((await findPage(tenant, 'Observation?code=glucose&_summary=count')).total).toBe(0);
  });

  test('_revinclude', async () => {
    expect((await findPage(tenant, 'Organization?_id=maker&_revinclude=Medication:manufacturer')).included).toEqual([]);
  });
});

describe('pages', () => {
  test.each(['container', 'contained'])('of %s, forwards and backwards, without a gap', async (as) => {
    const { runSearch } = await import('../../src/store/search.ts');
    const where = (await makeLaboratory()).tenant.id;
    const numbers = Array.from({ length: 25 }, (_, i) => i);
    await store(
      where,
      numbers.map((i) => request(`r${i}`, [medication('m', 'x'), medication('n', 'y')])),
    );
    await store(
      where,
      numbers.slice(0, 4).map((i) => medication(`free${i}`, 'x')),
    );
    const search = parseSearch('Medication', queryOf(`code=x&_contained=both&_containedType=${as}&_count=10`));
    const seen: string[][] = [];
    let position: Awaited<ReturnType<typeof runSearch>>['next'];
    let previous: typeof position;
    do {
      const page = await runSearch(session(where), { ...search, total: 'accurate' }, position);
      expect(page.total).toBe(29);
      seen.push(page.matches.map(({ rid }) => rid));
      ({ next: position, previous } = page);
    } while (position !== undefined);
    expect(seen.map((page) => page.length)).toEqual([10, 10, 9]);
    expect(new Set(seen.flat()).size).toBe(29);
    const back = await runSearch(session(where), search, previous);
    expect(back.matches.map(({ rid }) => rid)).toEqual(seen[1]);
  });
});

describe('what the caller may see', () => {
  const only =
    (...types: string[]): Access =>
    (type) =>
      types.includes(type) ? all : undefined;
  const patientOnly: Access = (type) =>
    type === 'MedicationRequest'
      ? parseSearch(type, [['patient', 'q']]).condition
      : type === 'Medication'
        ? all
        : undefined;
  const byCode: Access = (type) => (type === 'Medication' ? parseSearch(type, [['code', 'morphine']]).condition : all);
  const byId: Access = (type) => (type === 'Medication' ? parseSearch(type, [['_id', 'm1']]).condition : all);

  test.each([
    ['the type and its containers', only('Medication', 'MedicationRequest'), ['r1', 'r2', 'r3']],
    ['the containers only', only('MedicationRequest'), []],
    ['the type only', only('Medication'), []],
    ['some containers', patientOnly, ['r3']],
    ['some of the type', byCode, ['r2']],
    ['some ids, which name no contained resource', byId, []],
  ])('%s', async (_name, access, expected) => {
    const options = { access };
    expect((await find(tenant, 'Medication?_contained=true', options)).sort()).toEqual(expected);
    const contents = await find(tenant, 'Medication?_contained=true&_containedType=contained', options);
    expect(contents.length > 0).toBe(expected.length > 0);
    expect((await findPage(tenant, 'Medication?_contained=true&_summary=count', options)).total).toBe(expected.length);
  });
});

test.each([
  ['_text=x', /_text and _content cannot be asked/],
  ['_content=x', /_text and _content cannot be asked/],
  ['_list=l', /_list cannot be asked/],
  ['_has:MedicationRequest:medication:status=active', /_has cannot be asked/],
  ['_sort=code', /Containers of any type cannot be sorted by "code"/],
  ['_contained=maybe', /"_contained".*false, true, both/],
  ['_containedType=all', /"_containedType".*container, contained/],
])('Medication?%s is refused', (query, words) => {
  const contained = query.startsWith('_contained=') ? query : `${query}&_contained=true`;
  expect(() => parseSearch('Medication', queryOf(contained))).toThrow(words);
});

describe('rows follow their container', () => {
  const rows = async (where: number): Promise<number[]> => {
    const counts = await session(where).query<{ rows: string }>(sql`
      select count(*) as rows from contained where tenant_id = ${where}
      union all select count(*) from search_token where tenant_id = ${where}
      union all select count(*) from search_reference where tenant_id = ${where}
      union all select count(*) from search_date where tenant_id = ${where}`);
    return counts.map(({ rows: number }) => Number(number));
  };

  test('changed, emptied, filled, deleted and brought back', async () => {
    const where = (await makeLaboratory()).tenant.id;
    const codes = async (): Promise<string[]> =>
      (await findPageOf(where, '_contained=true&_containedType=contained')).matches.map(
        ({ text }) => (JSON.parse(text) as { code: { coding: [{ code: string }] } }).code.coding[0].code,
      );
    const none = await rows(where);
    const write = (...contained: Json[]): Promise<void> => store(where, [request('r', contained)]);
    await write(medication('a', 'one'), medication('b', 'two'));
    expect((await codes()).sort()).toEqual(['one', 'two']);
    await write(medication('a', 'three'));
    expect(await codes()).toEqual(['three']);
    await write();
    expect(await codes()).toEqual([]);
    const empty = await rows(where);
    await write(medication('a', 'four'));
    expect(await codes()).toEqual(['four']);
    await remove(where, 'MedicationRequest', 'r');
    expect(await codes()).toEqual([]);
    expect(await rows(where)).toEqual(none);
    await write();
    expect(await rows(where)).toEqual(empty);
  });
});

describe('over HTTP', () => {
  let lab: Laboratory;

  beforeAll(async () => {
    lab = await makeLaboratory();
    await put(lab, JSON.parse(JSON.stringify(resources).replace('"value":5.4', '"value":"#5.40#"')) as Json[]);
  });

  const entries = (json: Json): { fullUrl: string; resource: Json; search: Json }[] => (json['entry'] ?? []) as never;

  test('a contained resource: its URL, its digits, match', async () => {
    const { json, text } = await ask(lab, 'Observation?code=glucose&_contained=true&_containedType=contained');
    expect(entries(json).map(({ fullUrl, search }) => [fullUrl, search])).toEqual([
      [`${lab.base}/DiagnosticReport/report#glucose`, { mode: 'match' }],
    ]);
    expect(text).toContain('"value":5.40');
    expect(json['total']).toBe(1);
  });

  test('its container', async () => {
    const { json } = await ask(lab, 'Observation?code=glucose&_contained=true');
    expect(entries(json)).toMatchObject([
      {
        fullUrl: `${lab.base}/DiagnosticReport/report`,
        resource: { resourceType: 'DiagnosticReport' },
        search: { mode: 'match' },
      },
    ]);
  });

  test('parts of it', async () => {
    const query = 'Observation?code=glucose&_contained=true';
    const own = await ask(lab, `${query}&_containedType=contained&_elements=code`);
    expect(Object.keys(entries(own.json)[0]?.resource ?? {}).sort()).toEqual([
      'code',
      'id',
      'meta',
      'resourceType',
      'status',
    ]);
    const count = await ask(lab, `${query}&_summary=count`);
    expect(count.json).toMatchObject({ total: 1 });
    const container = await ask(lab, `${query}&_summary=true`);
    expect(entries(container.json)[0]?.resource).toMatchObject({ resourceType: 'DiagnosticReport', id: 'report' });
  });

  test('pages by their links', async () => {
    const seen: string[] = [];
    let path: string | undefined = 'Medication?_contained=true&_containedType=contained&_count=2&_total=accurate';
    while (path !== undefined) {
      const { json } = await ask(lab, path);
      expect(json['total']).toBe(4);
      seen.push(...entries(json).map(({ fullUrl }) => fullUrl.slice(lab.base.length + 1)));
      const next = (json['link'] as { relation: string; url: string }[]).find(({ relation }) => relation === 'next');
      path = next?.url.slice(lab.base.length + 1);
    }
    expect(seen.sort()).toEqual(['r1#m1', 'r2#m1', 'r2#m2', 'r3#m1'].map((name) => `MedicationRequest/${name}`));
  });

  test('of a type that the token does not allow', async () => {
    const caller = await signIn(lab.tenant, 'system/Medication.s');
    expect((await ask(caller, 'Medication?_contained=true')).json).toMatchObject({ total: 0 });
    const both = await signIn(lab.tenant, 'system/Medication.s system/MedicationRequest.s');
    expect((await ask(both, 'Medication?_contained=true')).json).toMatchObject({ total: 3 });
  });

  test('a conditional create does not take them for a match', async () => {
    const answer = await lab.fetch('Medication', {
      method: 'POST',
      body: JSON.stringify(medication('x', 'morphine')),
      headers: { 'content-type': 'application/fhir+json', 'if-none-exist': 'code=morphine' },
    });
    expect(answer.status).toBe(201);
  });

  test('$everything and the history do not list them', async () => {
    const everything = await ask(lab, 'Patient/p/$everything');
    expect(entries(everything.json).filter(({ fullUrl }) => fullUrl.includes('#'))).toEqual([]);
    expect(entries(everything.json).filter(({ resource }) => resource['resourceType'] === 'Observation')).toEqual([]);
  });
});
