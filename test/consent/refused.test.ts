/** Consents that cannot be understood: refused when they are written, and denying where they are stored all the same. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { consentRules, storedRules } from '../../src/access/consent.ts';
import type { JsonObject } from '../../src/fhir/json.ts';
import type { Laboratory } from '../server.ts';
import { session, store } from '../search/fixture.ts';
import { requestJob } from '../../src/store/jobs.ts';
import {
  boundCaller,
  confidentiality,
  consent,
  entriesOf,
  get,
  headers,
  laboratoryWithPatients,
  observation,
  purpose,
  put,
  recipient,
  type Json,
} from './laboratory.ts';

const context = { zone: 'UTC', bases: ['https://lab.example/demo/fhir'] };
const extension = [{ url: 'https://example.org/negated', valueBoolean: true }];
const permit = { type: 'permit' };

function nested(levels: number): Json {
  return levels === 1 ? { type: 'deny' } : { type: 'deny', provision: [nested(levels - 1)] };
}

const cases: [string, Json, string][] = [
  ['a modifier extension', consent('c', permit, { modifierExtension: extension }), 'Consent.modifierExtension'],
  [
    'one deep inside',
    consent('c', { ...permit, provision: [{ type: 'deny', modifierExtension: extension }] }),
    'Consent.provision.provision[0].modifierExtension',
  ],
  [
    'rules that are implied',
    consent('c', permit, { implicitRules: 'https://example.org/rules' }),
    'Consent.implicitRules',
  ],
  ['no patient', consent('c', permit, { patient: undefined }), 'Consent.patient'],
  ['a patient by number', consent('c', permit, { patient: { identifier: { value: '1' } } }), 'Consent.patient'],
  [
    'a patient elsewhere',
    consent('c', permit, { patient: { reference: 'https://other.example/fhir/Patient/p' } }),
    'Consent.patient',
  ],
  ['a patient who is none', consent('c', permit, { patient: { reference: 'Group/g' } }), 'Consent.patient'],
  ['a scope without code', consent('c', permit, { scope: { text: 'privacy' } }), 'Consent.scope'],
  [
    'what was not verified',
    consent('c', permit, { verification: [{ verified: false }] }),
    'Consent.verification[0].verified',
  ],
  ['no base', consent('c', undefined), 'Consent.provision'],
  [
    'a policy against the provision',
    consent('c', permit, {
      policyRule: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'OPTOUT' }] },
    }),
    'Consent.provision.type',
  ],
  ['an unknown type', consent('c', { type: 'maybe' }), 'Consent.provision.type'],
  [
    'a nested one without a type',
    consent('c', { ...permit, provision: [{ purpose: [purpose('TREAT')] }] }),
    'Consent.provision.provision[0].type',
  ],
  ['more than eight levels', consent('c', nested(9)), `Consent.provision${'.provision[0]'.repeat(8)}`],
  [
    'more than 200 provisions',
    consent('c', { ...permit, provision: Array.from({ length: 200 }, () => ({ type: 'deny' })) }),
    'Consent.provision',
  ],
  [
    'an actor by name alone',
    consent('c', { ...permit, actor: [{ ...recipient('x'), reference: { display: 'Dr A' } }] }),
    'Consent.provision.actor[0].reference',
  ],
  ['an actor inside', consent('c', { ...permit, actor: [recipient('#a')] }), 'Consent.provision.actor[0].reference'],
  [
    'a group as actor',
    consent('c', { ...permit, actor: [recipient('Group/g')] }),
    'Consent.provision.actor[0].reference',
  ],
  [
    'a role that does not receive',
    consent('c', {
      ...permit,
      actor: [
        {
          ...recipient('Practitioner/a'),
          role: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType', code: 'AUT' }] },
        },
      ],
    }),
    'Consent.provision.actor[0].role',
  ],
  ['an unknown purpose', consent('c', { ...permit, purpose: [purpose('FUN')] }), 'Consent.provision.purpose'],
  [
    'a purpose of another system',
    consent('c', { ...permit, purpose: [{ system: 'https://example.org', code: 'TREAT' }] }),
    'Consent.provision.purpose',
  ],
  [
    'an unknown action',
    consent('c', {
      ...permit,
      action: [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentaction', code: 'burn' }] }],
    }),
    'Consent.provision.action',
  ],
  ['an action in words', consent('c', { ...permit, action: [{ text: 'look' }] }), 'Consent.provision.action[0]'],
  [
    'a class that is no type',
    consent('c', { ...permit, class: [{ system: 'http://hl7.org/fhir/resource-types', code: 'Results' }] }),
    'Consent.provision.class',
  ],
  [
    'a class of another kind',
    consent('c', { ...permit, class: [{ system: 'urn:ietf:bcp:13', code: 'application/pdf' }] }),
    'Consent.provision.class',
  ],
  ['a code in words', consent('c', { ...permit, code: [{ text: 'HIV' }] }), 'Consent.provision.code[0]'],
  [
    'a label without system',
    consent('c', { ...permit, securityLabel: [{ code: 'R' }] }),
    'Consent.provision.securityLabel[0]',
  ],
  ['a period without ends', consent('c', { ...permit, period: { id: 'x' } }), 'Consent.provision.period'],
  [
    'a period that ends before it begins',
    consent('c', { ...permit, dataPeriod: { start: '2025', end: '2024' } }),
    'Consent.provision.dataPeriod',
  ],
  [
    'an unknown meaning',
    consent('c', { ...permit, data: [{ meaning: 'near', reference: { reference: 'Observation/1' } }] }),
    'Consent.provision.data[0].meaning',
  ],
  [
    'data elsewhere',
    consent('c', {
      ...permit,
      data: [{ meaning: 'instance', reference: { reference: 'https://other.example/Observation/1' } }],
    }),
    'Consent.provision.data[0].reference',
  ],
];

const json = (value: Json): JsonObject => JSON.parse(JSON.stringify(value)) as JsonObject;

function expressionOf(consented: Json): string | undefined {
  try {
    consentRules(json(consented), context);
    return undefined;
  } catch (error) {
    return (error as { issues: { expression: string[] }[] }).issues[0]?.expression[0];
  }
}

describe('a Consent in force that says', () => {
  test.each(cases)('%s is refused, and denies where it is stored', (_name, consented, expression) => {
    expect(expressionOf(consented)).toBe(expression);
    const stored = storedRules(json(consented), context);
    const [rule] = stored?.rules ?? [];
    // Without a patient of this laboratory there is nobody whose record it could close.
    if (expression === 'Consent.patient') expect(stored).toBeUndefined();
    else expect([stored?.patient, rule?.permit, rule?.actors, rule?.types]).toEqual(['p', false, undefined, undefined]);
  });

  test.each(cases)('%s may be drafted', (_name, consented) => {
    expect(expressionOf({ ...consented, status: 'draft' })).toBeUndefined();
  });
});

test('a Consent about something else makes no rules', () => {
  const scope = { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'research' }] };
  expect(consentRules(json(consent('c', { type: 'deny' }, { scope })), context)).toBeUndefined();
});

test('an exception inherits what it does not say, and periods are never widened', () => {
  const rules = consentRules(
    json(
      consent('c', {
        type: 'permit',
        period: { start: '2026', end: '2026' },
        purpose: [purpose('TREAT')],
        securityLabel: [confidentiality('N')],
        provision: [
          {
            type: 'permit',
            period: { start: '2020' },
            actor: [recipient('Practitioner/a')],
            securityLabel: [confidentiality('R')],
          },
        ],
      }),
    ),
    context,
  )?.rules;
  const [low, high] = [Date.UTC(2026, 0), Date.UTC(2027, 0)];
  const label = (code: string): string => `http://terminology.hl7.org/CodeSystem/v3-Confidentiality|${code}`;
  expect(rules).toMatchObject([
    { depth: 0, permit: false, purposes: ['TREAT'], labels: undefined, low, high },
    { depth: 1, permit: true, purposes: ['TREAT'], labels: [label('N')], low, high },
    { depth: 2, permit: true, purposes: ['TREAT'], labels: [label('R')], actors: ['Practitioner/a'], low, high },
  ]);
});

describe('in a laboratory', () => {
  let lab: Laboratory;
  beforeAll(async () => {
    lab = await laboratoryWithPatients();
    await put(lab, observation('o'));
  });

  const write = async (path: string, body: Json, init: RequestInit = {}): Promise<{ status: number; json: Json }> => {
    const answer = await lab.fetch(path, { method: 'PUT', headers, body: JSON.stringify(body), ...init });
    return { status: answer.status, json: (await answer.json()) as Json };
  };
  const refusal = {
    resourceType: 'OperationOutcome',
    issue: [{ severity: 'error', code: 'business-rule', expression: ['Consent.modifierExtension'] }],
  };
  const bad = consent('bad', permit, { modifierExtension: extension });

  test('no way of writing lets one in', async () => {
    const entry = { resource: bad, request: { method: 'PUT', url: 'Consent/bad' } };
    expect(await write('Consent/bad', bad)).toMatchObject({ status: 422, json: refusal });
    expect((await write('Consent', { ...bad, id: undefined }, { method: 'POST' })).status).toBe(422);
    expect(
      (await write('', { resourceType: 'Bundle', type: 'transaction', entry: [entry] }, { method: 'POST' })).status,
    ).toBe(422);
    const batch = await write('', { resourceType: 'Bundle', type: 'batch', entry: [entry] }, { method: 'POST' });
    expect(batch.json).toMatchObject({ entry: [{ response: { status: expect.stringMatching(/^422/) } }] });
    await put(lab, consent('good', permit));
    const change = [{ op: 'add', path: '/modifierExtension', value: extension }];
    const patched = {
      method: 'PATCH',
      headers: { 'content-type': 'application/json-patch+json' },
      body: JSON.stringify(change),
    };
    expect((await write('Consent/good', {}, patched)).status).toBe(422);
  });

  test('one that was stored before denies as soon as it is indexed', async () => {
    const caller = await boundCaller(lab.tenant);
    await store(lab.tenant.id, [bad]);
    expect(entriesOf((await get(caller, 'Observation')).json)).toEqual(['Observation/o']);
    await requestJob(session(lab.tenant.id), 'reindex', { types: ['Consent'] });
    const until = Date.now() + 120_000;
    while (entriesOf((await get(caller, 'Observation')).json).length > 0 && Date.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    expect(entriesOf((await get(caller, 'Observation')).json)).toEqual([]);
    await put(lab, { ...bad, modifierExtension: undefined, status: 'inactive' });
    expect(entriesOf((await get(caller, 'Observation')).json)).toEqual(['Observation/o']);
  }, 40_000);
});
