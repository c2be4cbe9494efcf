/** What an erasure keeps by a rule of retention, and what it leaves because it is about others or proves a request. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { makeLaboratory, signIn, type Laboratory } from '../server.ts';
import {
  countsOf,
  fill,
  headers,
  officer,
  parameters,
  put,
  secrets,
  send,
  valueOf,
  whereIs,
  type Json,
} from './laboratory.ts';

const reason = 'Request 12 of the person.';
const erase = (of: Laboratory, values: Parameters<typeof parameters>[0] = {}): Promise<Json> =>
  send(of, 'POST', 'Patient/pat-one/$erase', parameters({ reason, ...values }));

const statusOf = async (of: Laboratory, path: string): Promise<number> => (await of.fetch(path)).status;

/** The reasons of what is left, by resource. */
function leftOf(answer: Json): Record<string, string> {
  const parts = (answer['parameter'] as { name: string; part: Json[] }[]).filter(({ name }) => name === 'leftResource');
  return Object.fromEntries(
    parts.map(({ part }) => [
      String((part[0]?.['valueReference'] as Json | undefined)?.['reference']),
      part[1]?.['valueString'] as string,
    ]),
  );
}

describe('a category', () => {
  let lab: Laboratory;
  let dpo: Laboratory;
  let answer: Json;

  beforeAll(async () => {
    lab = await makeLaboratory();
    await fill(lab);
    dpo = await officer(lab.tenant);
    answer = await erase(dpo, { keep: ['clinical'], rule: 'Laboratories Act, § 12: ten years' });
  }, 60_000);

  test('keeps its types with the patient, and says by which rule', () => {
    expect(countsOf(answer, 'kept')).toMatchObject({ Patient: 1, Observation: 4, DiagnosticReport: 1, Binary: 1 });
    expect(countsOf(answer, 'erased')).toEqual({ Appointment: 1, Bundle: 1, Consent: 1, RelatedPerson: 1, Task: 1 });
    expect(JSON.stringify(answer)).toContain('Laboratories Act');
  });

  test('erases the rest: accounts, traces, consents', async () => {
    const places = await whereIs(lab.tenant, ['teal relative', 'sepia bundle note', 'coral emergency']);
    expect(places).toEqual({});
    expect(await statusOf(lab, 'Consent/consent-one')).toBe(410);
  });

  test('what is kept is there for the officer, and restricted for all others', async () => {
    expect([await statusOf(dpo, 'Observation/o-now'), await statusOf(dpo, 'Patient/pat-one')]).toEqual([200, 200]);
    expect([await statusOf(lab, 'Observation/o-now'), await statusOf(lab, 'Patient/pat-one')]).toEqual([404, 404]);
    const body = JSON.stringify(parameters({ reason: 'to use it again' }));
    const lifted = await dpo.fetch('Patient/pat-one/$unrestrict', { method: 'POST', headers, body });
    expect(lifted.status).toBe(409);
  });

  test('tells what is about others and still names the patient who is kept', () => {
    expect(Object.keys(leftOf(answer)).sort()).toEqual(['Group/cohort', 'Patient/pat-two']);
  });

  test('another erasure without it removes that too, and ends the restriction', async () => {
    const last = await erase(dpo);
    expect(countsOf(last, 'kept')).toEqual({});
    expect(valueOf(last, 'tombstone')).not.toBe(valueOf(answer, 'tombstone'));
    expect(Object.values(await whereIs(lab.tenant, secrets))).toEqual([]);
    expect(await statusOf(lab, 'Observation/o-now')).toBe(410);
    expect((await send(dpo, 'GET', 'Patient/$restricted'))['parameter']).toBeUndefined();
  });
});

test('types alone are taken as they are named', async () => {
  const lab = await makeLaboratory();
  await fill(lab);
  const dpo = await officer(lab.tenant);
  const answer = await erase(dpo, { keep: ['DiagnosticReport'], rule: 'Rule 7' });
  expect(countsOf(answer, 'kept')).toEqual({ DiagnosticReport: 1 });
  expect(await statusOf(dpo, 'Patient/pat-one')).toBe(410);
  expect(await statusOf(dpo, 'DiagnosticReport/report')).toBe(200);
  // Its file goes with what names it.
  expect(await statusOf(dpo, 'Binary/file-report')).toBe(200);
  expect(await statusOf(dpo, 'Binary/file-one')).toBe(410);
  const person = await signIn(lab.tenant, 'user/*.rs', 'someone', { clearance: 'all', consent: 'exempt' });
  expect(await statusOf(person, 'DiagnosticReport/report')).toBe(404);
  expect(await statusOf(await signIn(lab.tenant), 'DiagnosticReport/report')).toBe(404);
});

test('what several share, and the record of the request, stay and are named', async () => {
  const lab = await makeLaboratory();
  await put(lab, { resourceType: 'Patient', id: 'pat-one', name: [{ family: 'Quintessa' }] });
  await put(lab, { resourceType: 'Patient', id: 'pat-two' });
  const entry = ['pat-one', 'pat-two'].map((id) => ({
    fullUrl: `https://example.org/Patient/${id}`,
    resource: { resourceType: 'Patient', id },
  }));
  await put(lab, { resourceType: 'Bundle', id: 'both', type: 'collection', entry });
  const task = { resourceType: 'Task', status: 'requested', intent: 'order', for: { reference: 'Patient/pat-one' } };
  const code = { coding: [{ system: 'urn:makhbar:task', code: 'data-subject-erasure' }] };
  await put(lab, { ...task, id: 'request', code });
  await put(lab, { ...task, id: 'work' });
  await put(lab, {
    resourceType: 'List',
    id: 'calls',
    status: 'current',
    mode: 'working',
    text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml">Call Quintessa</div>' },
    note: [{ text: 'Quintessa first' }],
    entry: [{ item: { reference: 'Patient/pat-one' } }],
  });
  const coding = (system: string, one: string): Json => ({
    coding: [{ system: `http://terminology.hl7.org/${system}`, code: one }],
  });
  const actor = {
    role: coding('CodeSystem/v3-ParticipationType', 'IRCP'),
    reference: { reference: 'Patient/pat-one' },
  };
  await put(lab, {
    resourceType: 'Consent',
    id: 'of-two',
    status: 'active',
    scope: coding('CodeSystem/consentscope', 'patient-privacy'),
    category: [{ coding: [{ system: 'http://loinc.org', code: '59284-0' }] }],
    patient: { reference: 'Patient/pat-two' },
    policyRule: coding('CodeSystem/v3-ActCode', 'OPTIN'),
    provision: { type: 'permit', actor: [actor] },
  });
  const answer = await erase(await officer(lab.tenant));
  expect(leftOf(answer)).toEqual({
    'Consent/of-two': 'Without the reference it would not be valid.',
    'Bundle/both': 'It holds resources of several patients.',
    'Task/request': 'It is the record of a request or a review.',
    'List/calls': 'Its text may name the patient.',
  });
  expect([countsOf(answer, 'erased'), countsOf(answer, 'dereferenced')]).toEqual([
    { Patient: 1, Task: 1 },
    { List: 1 },
  ]);
  const list = JSON.stringify(await send(lab, 'GET', 'List/calls'));
  expect([list.includes('pat-one'), list.includes('Call Quintessa')]).toEqual([false, false]);
});
