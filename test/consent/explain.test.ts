/** $consent-explain: the same as what a search shows, with the reason. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { signIn, type Laboratory } from '../server.ts';
import {
  boundCaller,
  confidentiality,
  consent,
  entriesOf,
  get,
  hiv,
  laboratoryWithPatients,
  observation,
  purpose,
  put,
  recipient,
  type Json,
} from './laboratory.ts';

let lab: Laboratory;
let manager: Laboratory;

interface Part {
  readonly name: string;
  readonly part?: readonly Part[];
  readonly [value: string]: unknown;
}

const parts = (json: Json): readonly Part[] => json['parameter'] as Part[];

/** `name` → value, of the parts of the first parameter of this name that has this value. */
function values(part: Part | undefined): Json {
  const plain = (part?.part ?? []).filter(({ part: inner }) => inner === undefined);
  return Object.fromEntries(plain.map(({ name, ...value }) => [name, Object.values(value)[0]]));
}

function typeCounts(json: Json, type: string): Json {
  return values(parts(json).find(({ name, part }) => name === 'type' && part?.[0]?.['valueCode'] === type));
}

async function explain(query: string, who: Laboratory = manager): Promise<{ status: number; json: Json }> {
  return get(who, `Patient/p/$consent-explain?${query}`);
}

beforeAll(async () => {
  lab = await laboratoryWithPatients();
  manager = await signIn(lab.tenant, 'manage/users system/Organization.rs');
  await put(lab, observation('plain'));
  await put(lab, observation('hiv', { code: { coding: [hiv] } }));
  await put(lab, observation('very', { meta: { security: [confidentiality('V')] } }));
  await put(lab, observation('other', { subject: { reference: 'Patient/q' } }));
  await put(lab, {
    resourceType: 'PractitionerRole',
    id: 'pr',
    practitioner: { reference: 'Practitioner/b' },
    organization: { reference: 'Organization/o' },
  });
  await put(
    lab,
    consent('c', {
      type: 'permit',
      provision: [
        { type: 'deny', code: [{ coding: [hiv] }] },
        { type: 'deny', purpose: [purpose('HRESCH')] },
      ],
    }),
  );
  await put(lab, consent('o', { type: 'deny', actor: [recipient('Organization/o')] }));
});

test('counts by type what consents, labels and scopes deny', async () => {
  const { status, json } = await explain('actor=Practitioner/a&purpose=TREAT');
  expect(status).toBe(200);
  expect(typeCounts(json, 'Observation')).toEqual({
    name: 'Observation',
    total: 3,
    permitted: 1,
    'denied-by-consent': 1,
    'denied-by-label': 1,
    'denied-by-scope': 0,
  });
  expect(typeCounts(json, 'Consent')).toMatchObject({ total: 2, permitted: 2 });
});

test('says the same as a search', async () => {
  const about = { clearance: ['U', 'L', 'M', 'N'], actors: ['Practitioner/a'] };
  for (const code of ['TREAT', 'HRESCH', 'HOPERAT']) {
    const caller = await boundCaller(lab.tenant, { ...about, purposes: [code] });
    const seen = entriesOf((await get(caller, 'Observation?patient=p')).json);
    const { json } = await explain(`actor=Practitioner/a&purpose=${code}`);
    expect([code, typeCounts(json, 'Observation')['permitted']]).toEqual([code, seen.length]);
  }
});

describe('a resource', () => {
  const cases: [string, Json, Json | undefined][] = [
    [
      'actor=Practitioner/a&resource=Observation/plain',
      { visible: true, consent: 'permit', 'by-default': false },
      { provision: 'Consent.provision', type: 'permit' },
    ],
    [
      'actor=Practitioner/a&resource=Observation/hiv',
      { visible: false, consent: 'deny' },
      { provision: 'Consent.provision.provision[0]', type: 'deny' },
    ],
    [
      'actor=Practitioner/a&purpose=HRESCH&resource=Observation/plain',
      { visible: false, consent: 'deny' },
      { provision: 'Consent.provision.provision[1]', type: 'deny' },
    ],
    [
      'actor=Practitioner/a&resource=Observation/very',
      { visible: false, consent: 'permit', label: 'deny', scope: 'permit' },
      { type: 'permit' },
    ],
    [
      'actor=Practitioner/b&resource=Observation/plain',
      { visible: false, consent: 'deny' },
      { consent: { reference: 'Consent/o' }, type: 'deny' },
    ],
  ];

  test.each(cases)('%s', async (query, expected, rule) => {
    const { json } = await explain(query);
    const part = parts(json).find(({ name }) => name === 'resource');
    expect(values(part)).toMatchObject(expected);
    expect(values(part?.part?.find(({ name }) => name === 'rule'))).toMatchObject(rule ?? {});
  });

  test('that is not of this patient is not found', async () => {
    expect((await explain('actor=Practitioner/a&resource=Observation/other')).status).toBe(404);
  });
});

test('the organizations of a practitioner are his actors', async () => {
  const { json } = await explain('actor=Practitioner/b');
  const actors = parts(json).filter(({ name }) => name === 'actor');
  expect(actors.map(({ valueReference }) => String((valueReference as Json)['reference'])).toSorted()).toEqual([
    'Organization/o',
    'Practitioner/b',
    'PractitionerRole/pr',
  ]);
});

test('the patient may ask about himself, and nobody else may', async () => {
  const patient = await signIn(lab.tenant, 'patient/*.rs', 'p', { fhirUser: 'Patient/p' });
  const other = await signIn(lab.tenant, 'patient/*.rs', 'q', { fhirUser: 'Patient/q' });
  expect((await explain('actor=Practitioner/a', patient)).status).toBe(200);
  expect((await explain('actor=Practitioner/a', other)).status).toBe(403);
  expect((await explain('actor=Practitioner/a', await boundCaller(lab.tenant))).status).toBe(403);
});

test.each([
  ['nobody', '', 400],
  ['two kinds of subjects', 'actor=Practitioner/a&client=x', 400],
  ['an unknown client', 'client=x', 404],
  ['an unknown account', 'account=nobody', 404],
  ['no actor', 'actor=someone', 400],
  ['an unknown purpose', 'actor=Practitioner/a&purpose=FUN', 400],
  ['an unknown action', 'actor=Practitioner/a&action=burn', 400],
  ['a resource that is none', 'actor=Practitioner/a&resource=all', 400],
])('%s is refused', async (_name, query, status) => {
  expect((await explain(query)).status).toBe(status);
});
