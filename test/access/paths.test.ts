/**
 * Callers under conditions over HTTP: what is not seen is answered like what is not there, refusals name what is missing,
 * cursors and messages tell nothing more.
 */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { makeLaboratory, signIn, type Laboratory } from '../server.ts';

type Json = Record<string, unknown>;

const json = { 'content-type': 'application/fhir+json' };
const jsonPatch = { 'content-type': 'application/json-patch+json' };
let lab: Laboratory;

const observation = (id: string, subject: string, more: Json = {}): Json => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: { coding: [{ system: 'http://c', code: 'x' }] },
  subject: { reference: subject },
  ...more,
});

const world: Json[] = [
  { resourceType: 'Patient', id: 'p1', active: true, identifier: [{ system: 'http://m', value: '1' }] },
  { resourceType: 'Patient', id: 'p2', active: false, identifier: [{ system: 'http://m', value: '2' }] },
  { resourceType: 'Practitioner', id: 'doc' },
  { resourceType: 'RelatedPerson', id: 'mother', patient: { reference: 'Patient/p1' } },
  { resourceType: 'Device', id: 'analyzer' },
  {
    resourceType: 'Encounter',
    id: 'visit',
    status: 'finished',
    class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'AMB' },
    subject: { reference: 'Patient/p1' },
  },
  observation('mine', 'Patient/p1'),
  observation('visited', 'Patient/p1', { encounter: { reference: 'Encounter/visit' } }),
  observation('other', 'Patient/p2', { performer: [{ reference: 'Practitioner/doc' }] }),
  observation('measured', 'Patient/p2', { device: { reference: 'Device/analyzer' } }),
  observation('told', 'Patient/p2', { performer: [{ reference: 'RelatedPerson/mother' }] }),
  observation('draft', 'Patient/p1', { status: 'preliminary', code: { coding: [{ system: 'http://c', code: 'y' }] } }),
];

async function put(resource: Json, into = lab): Promise<void> {
  const path = `${String(resource['resourceType'])}/${String(resource['id'])}`;
  const { status } = await into.fetch(path, { method: 'PUT', body: JSON.stringify(resource), headers: json });
  expect([path, status < 300]).toEqual([path, true]);
}

beforeAll(async () => {
  lab = await makeLaboratory();
  for (const resource of world) await put(resource);
  // A second version, and one that is gone.
  await put(
    observation('other', 'Patient/p2', {
      performer: [{ reference: 'Practitioner/doc' }],
      issued: '2026-01-01T00:00:00Z',
    }),
  );
  await put(observation('gone', 'Patient/p2'));
  expect((await lab.fetch('Observation/gone', { method: 'DELETE' })).status).toBe(204);
});

async function idsOf(asker: Laboratory, path: string): Promise<string[]> {
  const bundle = (await (await asker.fetch(path)).json()) as { entry?: { resource: { id: string } }[] };
  return (bundle.entry ?? []).map(({ resource }) => resource.id).sort();
}

async function sentence(response: Response): Promise<string> {
  const { issue } = (await response.json()) as { issue: { diagnostics: string }[] };
  return issue[0]?.diagnostics ?? '';
}

const asPatient = (scopes = 'patient/*.cruds'): Promise<Laboratory> =>
  signIn(lab.tenant, scopes, 's', { patient: 'p1' });

const metaInput = JSON.stringify({
  resourceType: 'Parameters',
  parameter: [{ name: 'meta', valueMeta: { tag: [{ code: 't' }] } }],
});

describe('compartments', () => {
  const cases: [string, string, string, string[]][] = [
    ['patient', 'patient/Observation.rs', 'Patient/p1', ['draft', 'mine', 'visited']],
    ['practitioner', 'practitioner/Observation.rs', 'Practitioner/doc', ['other']],
    ['relatedPerson', 'relatedPerson/Observation.rs', 'RelatedPerson/mother', ['told']],
    ['device', 'device/Observation.rs', 'Device/analyzer', ['measured']],
  ];
  test.each(cases)('%s', async (_, role, fhirUser, seen) => {
    const asker = await signIn(lab.tenant, 'user/*.cruds', 's', { fhirUser, roleScopes: [role] });
    expect(await idsOf(asker, 'Observation')).toEqual(seen);
    for (const id of ['mine', 'other', 'measured', 'told']) {
      expect([id, (await asker.fetch(`Observation/${id}`)).status]).toEqual([id, seen.includes(id) ? 200 : 404]);
    }
    expect((await asker.fetch('Patient/p1')).status).toBe(403);
  });

  test('encounter, from the context of the launch', async () => {
    const about = { encounter: 'visit', roleScopes: ['encounter/*.rs'] };
    const asker = await signIn(lab.tenant, 'user/*.rs', 's', about);
    expect(await idsOf(asker, '?_type=Observation,Encounter,Patient&_sort=_id')).toEqual(['visit', 'visited']);
  });

  test('a patient sees himself and what is his, and nothing beside', async () => {
    const asker = await asPatient('patient/*.rs');
    expect(
      await idsOf(asker, '?_type=Patient,Observation,Practitioner,Device,Encounter,RelatedPerson&_sort=_id'),
    ).toEqual(['draft', 'mine', 'mother', 'p1', 'visit', 'visited']);
  });

  test('and reads each of it, of one type after the other', async () => {
    const asker = await asPatient('patient/*.rs');
    for (const path of ['Patient/p1', 'Observation/mine', 'Encounter/visit', 'RelatedPerson/mother', 'Patient/p1']) {
      expect([path, (await asker.fetch(path)).status]).toEqual([path, 200]);
    }
  });

  test('without a patient in context patient/ scopes grant nothing', async () => {
    const asker = await signIn(lab.tenant, 'patient/*.rs');
    expect((await asker.fetch('Observation')).status).toBe(403);
    expect((await asker.fetch('Observation/mine')).status).toBe(403);
    expect((await asker.fetch('?_type=Observation')).status).toBe(403);
  });
});

describe('what is not seen is answered like what is not there', () => {
  const paths: [string, (id: string) => [string, RequestInit]][] = [
    ['read', (id) => [`Observation/${id}`, {}]],
    ['read with If-None-Match', (id) => [`Observation/${id}`, { headers: { 'if-none-match': 'W/"2"' } }]],
    ['vread', (id) => [`Observation/${id}/_history/1`, {}]],
    ['history', (id) => [`Observation/${id}/_history`, {}]],
    ['$meta', (id) => [`Observation/${id}/$meta`, {}]],
    ['$meta of a version', (id) => [`Observation/${id}/_history/1/$meta`, {}]],
    ['$validate', (id) => [`Observation/${id}/$validate`, {}]],
    ['$validate for deletion', (id) => [`Observation/${id}/$validate?mode=delete`, {}]],
    ['$graphql', (id) => [`Observation/${id}/$graphql?query={id}`, {}]],
    ['$graphql by id', (id) => [`$graphql?query={Observation(id:"${id}"){id}}`, {}]],
    ['patch', (id) => [`Observation/${id}`, { method: 'PATCH', body: '[]', headers: jsonPatch }]],
    [
      'patch of a version',
      (id) => [`Observation/${id}`, { method: 'PATCH', body: '[]', headers: { ...jsonPatch, 'if-match': 'W/"2"' } }],
    ],
    ['delete', (id) => [`Observation/${id}`, { method: 'DELETE' }]],
    ['delete of a version', (id) => [`Observation/${id}`, { method: 'DELETE', headers: { 'if-match': 'W/"7"' } }]],
    [
      'update of a version',
      (id) => [
        `Observation/${id}`,
        {
          method: 'PUT',
          body: JSON.stringify(observation(id, 'Patient/p1')),
          headers: { ...json, 'if-match': 'W/"7"' },
        },
      ],
    ],
    ['search by id', (id) => [`Observation?_id=${id}`, {}]],
    ['conditional delete', (id) => [`Observation?_id=${id}`, { method: 'DELETE' }]],
    ['conditional patch', (id) => [`Observation?_id=${id}`, { method: 'PATCH', body: '[]', headers: jsonPatch }]],
    ['$meta-add', (id) => [`Observation/${id}/$meta-add`, { method: 'POST', body: metaInput, headers: json }]],
  ];

  async function answer(asker: Laboratory, [path, init]: [string, RequestInit], id: string): Promise<unknown> {
    const response = await asker.fetch(path, init);
    const text = (await response.text()).replaceAll(id, '…').replaceAll(/"(id|timestamp)":"[^"]*"/g, '');
    return [response.status, text, response.headers.get('etag')];
  }

  test.each(paths)('%s', async (_, ask) => {
    const asker = await asPatient();
    const nothing = await answer(asker, ask('never-used'), 'never-used');
    for (const id of ['other', 'gone']) expect([id, await answer(asker, ask(id), id)]).toEqual([id, nothing]);
    expect((await lab.fetch('Observation/other')).headers.get('etag')).toBe('W/"2"');
  });

  test('an id that is taken cannot be written over, and nothing but that is told', async () => {
    const asker = await asPatient();
    const body = JSON.stringify(observation('other', 'Patient/p1'));
    const refused = await asker.fetch('Observation/other', { method: 'PUT', body, headers: json });
    expect([refused.status, await sentence(refused)]).toEqual([403, expect.stringContaining('choose another id')]);
    expect(refused.headers.get('etag')).toBeNull();
  });

  test('$everything of another patient', async () => {
    const asker = await asPatient();
    expect((await asker.fetch('Patient/p2/$everything')).status).toBe(404);
    expect(await idsOf(asker, 'Patient/p1/$everything')).toEqual(['draft', 'mine', 'mother', 'p1', 'visit', 'visited']);
  });

  test('a conditional reference to what is not seen matches nothing', async () => {
    const asker = await asPatient();
    const refer = (value: string): Promise<Response> =>
      asker.fetch('', {
        method: 'POST',
        headers: json,
        body: JSON.stringify({
          resourceType: 'Bundle',
          type: 'transaction',
          entry: [
            {
              resource: { ...observation('', `Patient?identifier=http://m|${value}`), id: undefined },
              request: { method: 'POST', url: 'Observation' },
            },
          ],
        }),
      });
    expect([(await refer('2')).status, (await refer('9')).status]).toEqual([412, 412]);
    expect((await refer('1')).status).toBe(200);
  });

  test('chains, _has and counts do not tell of it', async () => {
    const asker = await asPatient();
    const empty = [
      'Observation?subject=Patient/p2',
      'Observation?patient.active=false',
      'Patient?_has:Observation:patient:_id=other',
    ];
    for (const path of empty) {
      const bundle = (await (await asker.fetch(`${path}&_total=accurate`)).json()) as Json;
      expect([path, bundle['total'], bundle['entry']]).toEqual([path, 0, undefined]);
    }
  });
});

describe('refusals', () => {
  const cases: [string, string, string, RequestInit, RegExp][] = [
    [
      'no scope for the type',
      'user/Patient.rs',
      'Observation',
      {},
      /search-type on Observation: that needs a scope such as system\/Observation\.s/,
    ],
    [
      'a filter that is none for the type',
      'user/Observation.rs?nonsense=1',
      'Observation/mine',
      {},
      /read on Observation: that needs/,
    ],
    ['a filter without a value', 'user/Observation.rs?code=', 'Observation', {}, /search-type on Observation/],
    ['a filter of result parameters', 'user/Observation.rs?_count=5', 'Observation', {}, /search-type on Observation/],
    [
      'a filter that negates a chain',
      'user/Observation.rs?_filter=not%20(subject:Patient.active%20eq%20false)',
      'Observation',
      {},
      /search-type on Observation/,
    ],
    ['explanations', 'user/*.cruds?_tag=a', 'Observation?_explain=true', {}, /_explain/],
    ['$reindex', 'system/*.cruds?_tag=a', '$reindex', { method: 'POST' }, /\$reindex on all resource types/],
    [
      'content that may not be written',
      'user/Observation.cruds?status=preliminary',
      'Observation',
      { method: 'POST', body: JSON.stringify(observation('x', 'Patient/p1')), headers: json },
      /creating this Observation: its content does not meet the conditions of your scopes for Observation\.c/,
    ],
    [
      'what is seen but may not be changed',
      'user/Observation.rs user/Observation.u?status=preliminary',
      'Observation/mine',
      { method: 'PATCH', body: '[]', headers: jsonPatch },
      /changing Observation\/mine/,
    ],
    [
      'what is seen but may not be deleted',
      'user/Observation.rs user/Observation.d?status=preliminary',
      'Observation/mine',
      { method: 'DELETE' },
      /deleting Observation\/mine/,
    ],
    [
      'a change that leads outside',
      'user/Observation.rs user/Observation.u?status=preliminary',
      'Observation/draft',
      { method: 'PATCH', body: '[{"op":"replace","path":"/status","value":"final"}]', headers: jsonPatch },
      /changing this Observation so/,
    ],
  ];
  test.each(cases)('%s', async (_, scopes, path, init, wanted) => {
    const response = await (await signIn(lab.tenant, scopes)).fetch(path, init);
    expect([response.status, await sentence(response)]).toEqual([403, expect.stringMatching(wanted)]);
  });
});

describe('reading and searching apart', () => {
  test('each under its own conditions', async () => {
    const asker = await signIn(lab.tenant, 'user/Observation.s?status=final user/Observation.r?code=y');
    const all = world.map(({ id }) => id).join();
    expect(await idsOf(asker, `Observation?_id=${all}`)).toEqual(['measured', 'mine', 'other', 'told', 'visited']);
    expect((await asker.fetch('Observation/draft')).status).toBe(200);
    expect((await asker.fetch('Observation/mine')).status).toBe(404);
    expect((await asker.fetch('$graphql?query={ObservationList{id}}')).status).toBe(200);
    expect(await (await asker.fetch('$graphql?query={ObservationList{id}}')).json()).toEqual({
      data: { ObservationList: [] },
    });
  });

  test('a patch of what may not be read shows nothing of it', async () => {
    const asker = await signIn(lab.tenant, 'user/Observation.u user/Observation.r?code=y');
    const init = { method: 'PATCH', body: '[]', headers: jsonPatch };
    expect(await (await asker.fetch('Observation/draft', init)).json()).toMatchObject({ id: 'draft' });
    expect(await (await asker.fetch('Observation/mine', init)).text()).toBe('');
  });

  test('nor does one in a transaction, or a change of labels', async () => {
    const asker = await signIn(lab.tenant, 'user/Observation.u user/Observation.r?code=y');
    const entry = ['draft', 'mine'].map((id) => ({
      request: { method: 'PATCH', url: `Observation/${id}` },
      resource: { resourceType: 'Binary', contentType: 'application/json-patch+json', data: 'W10=' },
    }));
    const body = JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry });
    const headers = { ...json, prefer: 'return=representation' };
    const answer = (await (await asker.fetch('', { method: 'POST', body, headers })).json()) as {
      entry: { resource?: Json }[];
    };
    expect(answer.entry.map(({ resource }) => resource?.['id'])).toEqual(['draft', undefined]);
    const labels = { method: 'POST', body: metaInput, headers: json };
    expect((await asker.fetch('Observation/draft/$meta-add', labels)).status).toBe(200);
    expect((await asker.fetch('Observation/mine/$meta-add', labels)).status).toBe(404);
  });
});

describe('cursors', () => {
  test.each(['Observation?_count=1', 'Observation/_history?_count=1'])(
    'of %s are bound to what the caller may do',
    async (path) => {
      const wide = await signIn(lab.tenant, 'user/Observation.rs', 'same');
      const narrow = await signIn(lab.tenant, 'user/Observation.rs?status=final', 'same');
      const again = await signIn(lab.tenant, 'user/Observation.rs', 'same');
      const { link } = (await (await wide.fetch(path)).json()) as { link: { relation: string; url: string }[] };
      const next = link.find(({ relation }) => relation === 'next')!.url.slice(lab.base.length + 1);
      expect((await narrow.fetch(next)).status).toBe(400);
      expect((await again.fetch(next)).status).toBe(200);
    },
  );
});

describe('security contexts of Binaries', () => {
  test('follow what the caller may read of the context', async () => {
    for (const id of ['p1', 'p2']) {
      await put({
        resourceType: 'Binary',
        id: `of-${id}`,
        contentType: 'text/plain',
        data: 'YQ==',
        securityContext: { reference: `Patient/${id}` },
      });
    }
    const asker = await asPatient('patient/Patient.rs user/Binary.rs');
    expect((await asker.fetch('Binary/of-p1')).status).toBe(200);
    expect((await asker.fetch('Binary/of-p2')).status).toBe(403);
    expect(await idsOf(asker, 'Binary')).toEqual(['of-p1']);
    expect(await idsOf(asker, 'Binary/_history')).toEqual(['of-p1']);
    expect(await idsOf(asker, '_history?_count=200')).toEqual(['of-p1', 'p1']);
  });
});

describe('references that are kept whole', () => {
  let whole: Laboratory;
  let asker: Laboratory;
  beforeAll(async () => {
    whole = await makeLaboratory({ settings: { referentialIntegrity: true } });
    for (const resource of world.slice(0, 3)) await put(resource, whole);
    asker = await signIn(whole.tenant, 'patient/Patient.cruds user/Observation.cruds', 's', { patient: 'p1' });
  });

  const create = (resource: Json): Promise<Response> =>
    asker.fetch(`Observation/${String(resource['id'])}`, {
      method: 'PUT',
      body: JSON.stringify(resource),
      headers: json,
    });

  test('what is not seen is nothing to refer to', async () => {
    const unseen = await create(observation('a', 'Patient/p2'));
    const nothing = await create(observation('a', 'Patient/p9'));
    expect([unseen.status, (await sentence(unseen)).replace('p2', '…')]).toEqual([
      422,
      (await sentence(nothing)).replace('p9', '…'),
    ]);
    expect((await create(observation('a', 'Patient/p1'))).status).toBe(201);
  });

  test('a reference that was there may stay', async () => {
    await put(observation('b', 'Patient/p2'), whole);
    expect((await create(observation('b', 'Patient/p2', { status: 'amended' }))).status).toBe(200);
  });

  test('who refers to what is deleted is named to those who see it', async () => {
    await put(
      {
        resourceType: 'Encounter',
        id: 'e',
        status: 'finished',
        class: { code: 'AMB' },
        subject: { reference: 'Patient/p1' },
      },
      whole,
    );
    await whole.fetch('Observation?subject=Patient/p1', { method: 'DELETE' });
    const refused = await asker.fetch('Patient/p1', { method: 'DELETE' });
    expect([refused.status, await sentence(refused)]).toEqual([
      409,
      'Patient/p1 cannot be deleted: another resource refers to it.',
    ]);
    const told = await whole.fetch('Patient/p1', { method: 'DELETE' });
    expect(await sentence(told)).toBe('Patient/p1 cannot be deleted: Encounter/e refers to it.');
  });
});
