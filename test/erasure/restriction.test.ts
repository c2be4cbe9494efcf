/**
 * Restriction of processing. Each path of reading answers as a laboratory that does not hold the patient; what arrives is
 * stored; and it begins and ends at once, also in another process.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { passwordAcr } from '../../src/access/authentication.ts';
import { findTenantById } from '../../src/store/tenants.ts';
import { startServer, stopServer, type Running } from '../durability/process.ts';
import { makeLaboratory, signIn, testDatabase, testServer, type Laboratory } from '../server.ts';
import { database, headers, officer, parameters, put, send, type Json } from './laboratory.ts';

const p = { reference: 'Patient/p' };
const q = { reference: 'Patient/q' };

function observation(id: string, subject: Json, more: Json = {}): Json {
  const code = { coding: [{ system: 'http://loinc.org', code: '2345-7' }] };
  return { resourceType: 'Observation', id, status: 'final', code, subject, effectiveDateTime: '2026-01-10', ...more };
}

const full = observation('obs', p, {
  meta: { tag: [{ system: 'urn:tag', code: 'only-here' }] },
  performer: [{ reference: 'Practitioner/b' }],
  encounter: { reference: 'Encounter/e' },
  note: [{ text: 'remarkable' }],
  valueQuantity: { value: 5, unit: 'mmol/L', system: 'http://unitsofmeasure.org', code: 'mmol/L' },
});

/** What belongs to the restricted patient, and what does not; the latter refers to the former. */
const restricted: readonly Json[] = [
  { resourceType: 'Patient', id: 'p', identifier: [{ system: 'urn:mrn', value: '1' }], name: [{ family: 'Quince' }] },
  { resourceType: 'Encounter', id: 'e', status: 'finished', class: { code: 'AMB' }, subject: p },
  { ...full, valueQuantity: undefined },
  full,
  observation('performed', q, { performer: [p] }),
  observation('holding', p, {
    specimen: { reference: '#s' },
    contained: [{ resourceType: 'Specimen', id: 's', accessionIdentifier: { value: 'acc-1' } }],
  }),
  observation('gone', p),
  {
    resourceType: 'DocumentReference',
    id: 'doc',
    status: 'current',
    subject: p,
    content: [{ attachment: { contentType: 'text/plain', url: 'Binary/loose' } }],
  },
  { resourceType: 'Binary', id: 'loose', contentType: 'text/plain', data: 'YWJj' },
  { resourceType: 'Group', id: 'g', type: 'person', actual: true, member: [{ entity: p }, { entity: q }] },
  {
    resourceType: 'Binary',
    id: 'file',
    contentType: 'text/plain',
    data: 'YWJj',
    securityContext: { reference: 'Observation/obs' },
  },
];
const others: readonly Json[] = [
  { resourceType: 'Practitioner', id: 'b' },
  { resourceType: 'Patient', id: 'q', identifier: [{ system: 'urn:mrn', value: '2' }] },
  observation('other', q, {
    derivedFrom: [{ reference: 'Observation/obs' }],
    status: 'amended',
    encounter: { reference: 'Encounter/e' },
  }),
  {
    resourceType: 'List',
    id: 'l',
    status: 'current',
    mode: 'working',
    entry: [{ item: { reference: 'Observation/obs' } }],
  },
];

const graph = (query: string): string => `$graphql?query=${encodeURIComponent(query)}`;

const paths: readonly string[] = [
  'Patient/p',
  'Observation/obs',
  'Observation/obs/_history/1',
  'Observation/obs/_history/2',
  'Observation/obs/_history',
  'Observation/gone',
  'Observation/gone/_history',
  'Observation/gone/_history/1',
  'Observation/performed',
  'Group/g',
  'DocumentReference/doc',
  'Binary/loose',
  'Binary/loose/_history/1',
  'Binary?_id=loose',
  'Patient/p/DocumentReference',
  'Patient',
  'Patient?identifier=urn:mrn|1',
  'Patient?name=quince',
  'Patient?_id=p',
  'Observation',
  'Observation?status=final',
  'Observation?patient=p',
  'Observation?subject=Patient/p',
  'Observation?patient.identifier=urn:mrn|1',
  'Observation?subject:Patient.name=quince',
  'Observation?_sort=-date,code',
  'Observation?_content=remarkable',
  'Observation?value-quantity=5',
  'Observation?patient=p&_summary=count',
  'Observation?_summary=count',
  'Observation?patient=p&_count=0&_total=accurate',
  'Observation?code:not=x',
  'Observation?_contained=both&_containedType=container',
  'Specimen?_contained=true&accession=acc-1',
  'Observation?_id=other&_include=Observation:derived-from',
  'Observation?_id=other&_include=*',
  'Observation?_id=other&_include:iterate=Observation:encounter',
  'Practitioner?_id=b&_revinclude=Observation:performer',
  'Patient?_revinclude=Observation:patient',
  'Observation?_id=other&derived-from:Observation.status=final',
  'Observation?encounter.status=finished',
  'Practitioner?_has:Observation:performer:status=final',
  'Patient?_has:Observation:patient:code=2345-7',
  'Practitioner?_has:Observation:performer:patient.identifier=urn:mrn|1',
  'Observation?_filter=status eq final',
  'Observation?_list=l',
  '?_type=Observation,Patient',
  'Patient/p/Observation',
  'Patient/p/*',
  'Practitioner/b/Observation',
  'Encounter/e/*',
  'Patient/p/$everything',
  'Patient/q/$everything',
  'Encounter/e/$everything',
  'Observation/$lastn?patient=Patient/p&code:missing=false&max=5',
  'Observation/$lastn?patient=Patient/p,Patient/q&code:missing=false&max=5',
  'Observation/$stats?subject=Patient/p&system=http://loinc.org&code=2345-7&statistic=average',
  'Observation/obs/$meta',
  'Observation/$meta',
  graph('{Observation(id:"obs"){id}}'),
  graph('{ObservationList(status:"final"){id}}'),
  graph('{Observation(id:"other"){derivedFrom{resource(optional:true){... on Observation{id}}}}}'),
];

const bundle = (type: string): Json => ({
  resourceType: 'Bundle',
  type,
  entry: ['Observation?_id=obs', 'Patient?_summary=count', 'Practitioner?_has:Observation:performer:status=final'].map(
    (url) => ({
      request: { method: 'GET', url },
    }),
  ),
});

let lab: Laboratory;
let without: Laboratory;
let same: Laboratory;
let second: Running;
let dpo: Laboratory;

const reason = parameters({ reason: 'The person contests that the results are his.' });
const restrict = (): Promise<Json> => send(dpo, 'POST', 'Patient/p/$restrict', reason);
const lift = (): Promise<Json> => send(dpo, 'POST', 'Patient/p/$unrestrict', reason);

async function filled(resources: readonly Json[]): Promise<Laboratory> {
  const made = await makeLaboratory();
  for (const resource of resources) await put(made, resource);
  if (resources.length > others.length) await send(made, 'DELETE', 'Observation/gone');
  return made;
}

beforeAll(async () => {
  [lab, without, same] = await Promise.all([
    filled([...others, ...restricted]),
    filled(others),
    filled([...others, ...restricted]),
  ]);
  dpo = await officer(lab.tenant);
  const { databaseUrl, dataDir } = testServer();
  second = await startServer(dataDir, { DATABASE_URL: databaseUrl }, ['--only', 'http']);
}, 60_000);

afterAll(() => stopServer(second));

/** The same caller of the other process. */
function elsewhere(caller: Laboratory): Laboratory {
  const base = `${second.url}/${caller.tenant.name}/fhir`;
  const ask = (path: string, init: RequestInit = {}): Promise<Response> => {
    const more = new Headers(init.headers);
    more.set('authorization', `Bearer ${caller.token}`);
    return fetch(path === '' ? base : `${base}/${path}`, { ...init, headers: more });
  };
  return { ...caller, base, fetch: ask };
}

/** An answer without what differs between two laboratories that hold the same. */
async function shown(caller: Laboratory, path: string, init: RequestInit = {}): Promise<unknown> {
  const answer = await caller.fetch(path, init);
  const text = (await answer.text())
    .replaceAll(caller.base, '[base]')
    .replaceAll(
      /"(lastUpdated|timestamp|lastModified|id)":\s*"\d{4}-[^"]*"|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}/g,
      '-',
    )
    .replaceAll(/"(lastUpdated|timestamp|lastModified)":\s*"[^"]*"/g, '-')
    .replaceAll(/_cursor=[^"&]*/g, '_cursor');
  return { path, status: answer.status, text };
}

async function table(caller: Laboratory): Promise<unknown[]> {
  const answers: unknown[] = [];
  for (const path of paths) answers.push(await shown(caller, path));
  for (const type of ['batch', 'transaction']) {
    answers.push(await shown(caller, '', { method: 'POST', headers, body: JSON.stringify(bundle(type)) }));
  }
  const form = { ...headers, 'content-type': 'application/x-www-form-urlencoded' };
  answers.push(await shown(caller, 'Observation/_search', { method: 'POST', headers: form, body: 'status=final' }));
  return answers;
}

const technician = { roles: ['technician'], clearance: 'all', consent: 'enforced', actors: [] } as const;

/** Callers whom a restriction binds. */
const bound: readonly (readonly [string, (of: Laboratory) => Promise<Laboratory>])[] = [
  ['a person', (of) => signIn(of.tenant, 'user/*.cruds', 'someone', technician)],
  [
    'a person with conditions',
    (of) =>
      signIn(
        of.tenant,
        'user/Observation.rs?status=final,amended user/Patient.rs user/Practitioner.rs',
        'someone',
        technician,
      ),
  ],
  ['the operator', (of) => signIn(of.tenant, 'system/*.cruds', 'operator')],
  [
    'an interface',
    (of) =>
      signIn(of.tenant, 'system/*.cruds', 'machine', { roles: ['interface'], clearance: 'all', consent: 'exempt' }),
  ],
  [
    'an app of a relative with the patient in context',
    (of) => signIn(of.tenant, 'user/*.rs', 'relative', { fhirUser: 'Practitioner/x', patient: 'p', clearance: 'all' }),
  ],
];

describe('while it is set', () => {
  beforeAll(restrict, 30_000);

  test.each(bound)(
    '%s sees what there would be without the patient, on every path',
    async (_name, sign) => {
      const [here, there] = [await sign(lab), await sign(without)];
      expect(await table(here)).toEqual(await table(there));
      expect(await shown(elsewhere(here), 'Observation?patient=p')).toEqual(
        await shown(there, 'Observation?patient=p'),
      );
    },
    60_000,
  );

  test('the history of types and of everything shows nothing of it', async () => {
    const caller = await signIn(lab.tenant, 'user/*.cruds', 'someone', technician);
    for (const path of ['Observation/_history?_count=200', '_history?_count=200', 'Patient/_history?_count=0']) {
      const text = await (await caller.fetch(path)).text();
      expect([path, /"fullUrl":"[^"]*\/(obs|gone|performed|holding|p|g|file|e)"/.exec(text)?.[0]]).toEqual([
        path,
        undefined,
      ]);
    }
  });

  test('a file is as hidden as what it has its security from', async () => {
    const caller = await signIn(lab.tenant, 'user/*.cruds', 'someone', technician);
    expect((await caller.fetch('Binary/file')).status).toBe(403);
    expect((await dpo.fetch('Binary/file')).status).toBe(200);
  });

  test('the officer sees what his scopes give, and lists it', async () => {
    for (const path of ['Patient/p', 'Observation/obs', 'Group/g']) expect((await dpo.fetch(path)).status).toBe(200);
    expect(JSON.stringify(await send(dpo, 'GET', 'Patient/$restricted'))).toContain('Patient/p');
  });

  test('the patient sees his own data', async () => {
    const self = await signIn(lab.tenant, 'patient/*.rs', 'self', {
      fhirUser: 'Patient/p',
      patient: 'p',
      clearance: 'all',
      consent: 'exempt',
    });
    expect((await self.fetch('Observation/obs')).status).toBe(200);
    expect(JSON.stringify(await send(self, 'GET', 'Observation?_summary=count'))).toContain('"total":3');
    const another = await signIn(lab.tenant, 'user/*.rs', 'q', {
      fhirUser: 'Patient/q',
      clearance: 'all',
      consent: 'exempt',
    });
    expect((await another.fetch('Observation/obs')).status).toBe(404);
  });

  test('an emergency opens it to who breaks the glass, for as long as that, and no other way', async () => {
    const scopes = ['user/*.rs'];
    const doctor = await signIn(lab.tenant, 'user/*.rs', 'doctor', {
      ...technician,
      roles: ['pathologist'],
      roleScopes: scopes,
      breakGlass: { minutes: 60, roleScopes: scopes },
    });
    const emergency = { headers: { 'x-purpose-of-use': 'BTG' } };
    const seen = async (init: RequestInit = {}): Promise<number> =>
      (await doctor.fetch('Observation/obs', init)).status;
    expect([await seen(), await seen(emergency)]).toEqual([404, 403]);
    await send(doctor, 'POST', 'Patient/p/$break-glass', parameters({ reason: 'Unconscious in the emergency room' }));
    expect([await seen(), await seen(emergency)]).toEqual([404, 200]);
    await send(doctor, 'POST', 'Patient/p/$break-glass-close');
    expect([await seen(), await seen(emergency)]).toEqual([404, 403]);
  });

  test('nobody but the officer deletes or changes it', async () => {
    for (const [name, sign] of bound.filter(([who]) => who !== 'an interface')) {
      const caller = await sign(lab);
      await caller.fetch('Observation/obs', { method: 'DELETE' });
      const body = JSON.stringify(observation('obs', p));
      const changed = await caller.fetch('Observation/obs', { method: 'PUT', headers, body });
      expect([name, changed.status]).toEqual([name, 403]);
    }
    const machine = await bound[3]?.[1](lab);
    expect((await machine?.fetch('Observation/obs', { method: 'DELETE' }))?.status).toBe(204);
    expect((await machine?.fetch('Observation?_id=obs', { method: 'DELETE' }))?.status).toBe(204);
    expect((await send(dpo, 'GET', 'Observation/obs'))['meta']).toMatchObject({ versionId: '2' });
  });

  test('an interface goes on storing, and is shown nothing', async () => {
    const machine = await signIn(lab.tenant, 'system/*.cruds', 'machine', {
      roles: ['interface'],
      clearance: 'all',
      consent: 'exempt',
    });
    const again = await machine.fetch('Patient', {
      method: 'POST',
      headers: { ...headers, 'if-none-exist': 'identifier=urn:mrn|1', prefer: 'return=representation' },
      body: JSON.stringify({ resourceType: 'Patient', identifier: [{ system: 'urn:mrn', value: '1' }] }),
    });
    expect([again.status, await again.text(), again.headers.get('location')]).toEqual([
      200,
      '',
      expect.stringContaining('/Patient/p/'),
    ]);
    const late = observation('late', { reference: 'Patient?identifier=urn:mrn|1' });
    const change = { ...full, status: 'amended' };
    const stored = await send(machine, 'POST', '', {
      resourceType: 'Bundle',
      type: 'transaction',
      entry: [
        { resource: late, request: { method: 'PUT', url: 'Observation/late' } },
        { resource: change, request: { method: 'PUT', url: 'Observation/obs' } },
        {
          resource: { resourceType: 'Patient' },
          request: { method: 'POST', url: 'Patient', ifNoneExist: 'identifier=urn:mrn|1' },
        },
      ],
    });
    expect(JSON.stringify(stored)).not.toContain('Quince');
    const patch = [{ op: 'replace', path: '/status', value: 'final' }];
    const patched = await machine.fetch('Observation/obs', {
      method: 'PATCH',
      headers: { 'content-type': 'application/json-patch+json', prefer: 'return=representation' },
      body: JSON.stringify(patch),
    });
    expect([patched.status, await patched.text()]).toEqual([200, '']);
    const results = (await send(dpo, 'GET', 'Observation?patient=p&_elements=id'))['entry'] as { resource: Json }[];
    expect(new Set(results.map(({ resource }) => resource['id']))).toEqual(new Set(['holding', 'late', 'obs']));
    expect((await machine.fetch('Observation/late')).status).toBe(404);
    const { rowCount } = await (
      await database()
    ).query('select from resource where tenant_id = $1 and type = 102', [lab.tenant.id]);
    expect(rowCount).toBe(2);
  });

  test('a laboratory with the same ids is not touched', async () => {
    const caller = await signIn(same.tenant, 'user/*.cruds', 'someone', technician);
    expect((await caller.fetch('Observation/obs')).status).toBe(200);
    expect((await findTenantById(testDatabase(), same.tenant.id))?.restrictions).toBeUndefined();
  });

  test('set again it is the same one; its events are by the officer', async () => {
    const again = await dpo.fetch('Patient/p/$restrict', { method: 'POST', headers, body: JSON.stringify(reason) });
    expect(again.status).toBe(200);
    const found = await send(dpo, 'GET', 'AuditEvent?patient=Patient/p&subtype=processing-restricted');
    expect((found['entry'] as unknown[]).length).toBe(2);
  });
});

test('statements ask for restrictions where there are some, and only there', async () => {
  const asks = async ({ tenant }: Laboratory): Promise<boolean> => {
    const operator = await signIn(tenant);
    const explained = await (await operator.fetch('Observation?status=final&_explain=true')).text();
    expect(explained).toContain('from resource');
    return explained.includes('from restriction');
  };
  expect([await asks(lab), await asks(same)]).toEqual([true, false]);
});

describe('when it ends', () => {
  test('everything is as before, in both processes, and nobody asks any more', async () => {
    await lift();
    const caller = await signIn(lab.tenant, 'user/*.cruds', 'someone', technician);
    for (const one of [caller, elsewhere(caller)]) {
      for (const path of ['Patient/p', 'Observation/obs', 'Group/g']) expect((await one.fetch(path)).status).toBe(200);
    }
    expect((await findTenantById(testDatabase(), lab.tenant.id))?.restrictions).toBeUndefined();
    const again = await dpo.fetch('Patient/p/$unrestrict', { method: 'POST', headers, body: JSON.stringify(reason) });
    expect(again.status).toBe(404);
  });

  test('each path of the table would have shown it', async () => {
    const [here, there] = [
      await signIn(lab.tenant, 'user/*.cruds', 'someone', technician),
      await signIn(without.tenant, 'user/*.cruds', 'someone', technician),
    ];
    const [shownHere, shownThere] = [await table(here), await table(there)];
    const blind = shownHere.filter((one, i) => JSON.stringify(one) === JSON.stringify(shownThere[i]));
    expect(blind.map((one) => (one as { path: string }).path)).toEqual([]);
  }, 30_000);

  test('and begins again at once, also where another one begins and ends at the same time', async () => {
    const caller = await signIn(lab.tenant, 'user/*.cruds', 'someone', technician);
    const other = (name: string): Promise<Json> => send(dpo, 'POST', `Patient/q/${name}`, reason);
    await other('$restrict');
    await Promise.all([other('$unrestrict'), restrict()]);
    expect([(await caller.fetch('Patient/p')).status, (await caller.fetch('Patient/q')).status]).toEqual([404, 200]);
    expect((await elsewhere(caller).fetch('Patient/p')).status).toBe(404);
    await lift();
  }, 30_000);
});

describe('refuses', () => {
  const status = async (caller: Laboratory, name: string, body: Json = reason): Promise<number> =>
    (await caller.fetch(`Patient/${name}`, { method: 'POST', headers, body: JSON.stringify(body) })).status;

  test.each(['$restrict', '$unrestrict'])('%s without the scope, a second factor, a reason', async (name) => {
    const password = { roles: ['data-protection-officer'], acr: passwordAcr, authTime: Math.floor(Date.now() / 1_000) };
    expect(await status(await signIn(lab.tenant, 'system/*.cruds'), `p/${name}`)).toBe(403);
    expect(await status(await signIn(lab.tenant, 'user/*.rs manage/privacy', 'x', password), `p/${name}`)).toBe(401);
    expect(await status(dpo, `p/${name}`, parameters({}))).toBe(400);
    expect(await status(dpo, `nobody/${name}`)).toBe(404);
  });

  test('within a transaction', async () => {
    const entry = [{ resource: reason, request: { method: 'POST', url: 'Patient/p/$restrict' } }];
    const body = JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry });
    expect((await dpo.fetch('', { method: 'POST', headers, body })).status).toBe(400);
  });
});
