/** Data-subject requests over HTTP: filing, the steps, who may, and what is refused. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { officer, parameters, put, send, type Json } from '../erasure/laboratory.ts';
import { makeLaboratory, signIn, type Laboratory } from '../server.ts';
import { accepted, answered, file, step, type Values } from './asking.ts';

let lab: Laboratory;
let other: Laboratory;
let dpo: Laboratory;

beforeAll(async () => {
  [lab, other] = await Promise.all([makeLaboratory(), makeLaboratory()]);
  for (const one of [lab, other]) {
    await put(one, { resourceType: 'Patient', id: 'p', name: [{ family: 'Haddadeh', given: ['Salma'] }] });
    await put(one, { resourceType: 'Patient', id: 'q', name: [{ family: 'Other' }] });
  }
  dpo = await officer(lab.tenant, 0, 'user/*.rs manage/privacy');
}, 60_000);

describe('filing', () => {
  test('makes a Task with a number, an owner and a due date, and keeps the words apart', async () => {
    const task = await file(dpo, {
      type: 'access',
      patient: 'Patient/p',
      name: 'Salma Haddadeh',
      contact: 'salma@example.org',
      text: 'Please send me everything.',
      received: '2026-01-31',
      language: 'ar',
    });
    expect(task).toMatchObject({
      status: 'requested',
      for: { reference: 'Patient/p' },
      restriction: { period: { end: '2026-02-28' } },
      identifier: [{ value: expect.stringMatching(/^DSR-2026-[0-9A-F]{10}$/) }],
      owner: { identifier: { value: 'data-protection-officer' } },
    });
    const text = JSON.stringify(await send(dpo, 'GET', `Task/${String(task['id'])}`));
    expect(text).not.toMatch(/salma|haddadeh|everything/i);
    const letter = (task['input'] as Json[]).find((one) => 'valueReference' in one)?.['valueReference'] as Json;
    const document = await send(dpo, 'GET', String(letter['reference']));
    const [{ attachment }] = document['content'] as [{ attachment: { data: string } }];
    expect(Buffer.from(attachment.data, 'base64').toString()).toBe(
      'Name: Salma Haddadeh\nContact: salma@example.org\n\nPlease send me everything.',
    );
  });

  test.each<[string, Values, number, RegExp]>([
    ['nobody', { type: 'access' }, 400, /who asks/],
    ['no type', { patient: 'Patient/p' }, 400, /type is missing/],
    ['another type', { type: 'forgetting', patient: 'Patient/p' }, 400, /type is one of/],
    ['a type of the prototype', { type: 'constructor', patient: 'Patient/p' }, 400, /type is one of/],
    ['no reference', { type: 'access', patient: 'Observation/p' }, 400, /patient is a reference/],
    ['a patient who is not there', { type: 'access', patient: 'Patient/nobody' }, 404, /There is no/],
    ['a day to come', { type: 'access', patient: 'Patient/p', received: '2999-01-01' }, 400, /future/],
    ['no day', { type: 'access', patient: 'Patient/p', received: 'yesterday' }, 400, /received/],
    ['a language without pages', { type: 'access', patient: 'Patient/p', language: 'xx' }, 400, /language/],
    ['a long text', { type: 'access', text: 'x'.repeat(10_001) }, 400, /up to 10000/],
    ['an unknown parameter', { type: 'access', patient: 'Patient/p', owner: 'me' }, 400, /no parameter/],
  ])('refuses %s', async (_name, values, status, sentence) => {
    const [got, text] = await answered(dpo, '$data-subject-request', 'POST', parameters(values));
    expect([got, text]).toEqual([status, expect.stringMatching(sentence)]);
  });

  test('is found by due date, the most urgent first', async () => {
    const late = await file(dpo, { type: 'erasure', patient: 'Patient/q', received: '2026-01-02' });
    const bundle = await send(dpo, 'GET', 'Task?code=urn:makhbar:task|data-subject-request&due=lt2026-02-10&_sort=due');
    const found = (bundle['entry'] as { resource: Json }[]).map(({ resource }) => resource['id']);
    expect(found).toEqual([late['id']]);
  });
});

describe('who may', () => {
  const asked = parameters({ type: 'access', patient: 'Patient/p' });

  test('a patient, about himself alone, and he sees it', async () => {
    const about = { fhirUser: 'Patient/p', patient: 'p', roles: ['patient'] };
    const patient = await signIn(lab.tenant, 'patient/*.rs patient/Task.c', 'p', about);
    const task = await file(patient, { type: 'access' });
    expect(task).toMatchObject({
      for: { reference: 'Patient/p' },
      requester: { reference: 'Patient/p' },
      businessStatus: { coding: [{ code: 'identity-verified' }] },
    });
    const [status] = await answered(
      patient,
      '$data-subject-request',
      'POST',
      parameters({ type: 'access', patient: 'Patient/q' }),
    );
    expect(status).toBe(403);
    expect((await answered(patient, `Task/${String(task['id'])}/$data-subject-step`, 'POST', asked))[0]).toBe(403);
  });

  test.each<[string, string]>([
    ['everything but privacy', 'system/*.cruds'],
    ['reading', 'user/*.rs'],
  ])('nobody with %s', async (_name, scopes) => {
    const caller = await signIn(lab.tenant, scopes, 'x');
    expect((await answered(caller, '$data-subject-request', 'POST', asked))[0]).toBe(403);
  });

  test('a patient without the scope', async () => {
    const about = { fhirUser: 'Patient/p', patient: 'p', roles: ['patient'] };
    const patient = await signIn(lab.tenant, 'patient/*.rs', 'p', about);
    expect((await answered(patient, '$data-subject-request', 'POST', asked))[0]).toBe(403);
  });

  test('not the other laboratory', async () => {
    const task = await file(dpo, { type: 'access', patient: 'Patient/p' });
    const stranger = await officer(other.tenant);
    const path = `Task/${String(task['id'])}`;
    expect((await answered(stranger, path, 'GET'))[0]).toBe(404);
    const [status] = await answered(
      stranger,
      `${path}/$data-subject-step`,
      'POST',
      parameters({ step: 'acknowledge' }),
    );
    expect(status).toBe(404);
    expect((await send(dpo, 'GET', path))['status']).toBe('requested');
  });
});

describe('writing by hand', () => {
  let task: Json;
  beforeAll(async () => {
    task = await file(dpo, { type: 'access', patient: 'Patient/p' });
  });
  const code = { coding: [{ system: 'urn:makhbar:task', code: 'data-subject-request' }] };

  test.each<[string, string, () => [string, Json?]]>([
    ['an update', 'PUT', () => [`Task/${String(task['id'])}`, { ...task, status: 'received' }]],
    [
      'an update that makes it another task',
      'PUT',
      () => [
        `Task/${String(task['id'])}`,
        { resourceType: 'Task', id: task['id'], status: 'draft', intent: 'order', code: { text: 'x' } },
      ],
    ],
    ['a deletion', 'DELETE', () => [`Task/${String(task['id'])}`]],
    ['a creation', 'POST', () => ['Task', { resourceType: 'Task', status: 'completed', intent: 'order', code }]],
    [
      'labels',
      'POST',
      () => [
        `Task/${String(task['id'])}/$meta-add`,
        {
          resourceType: 'Parameters',
          parameter: [{ name: 'meta', valueMeta: { tag: [{ system: 'urn:x', code: 'y' }] } }],
        },
      ],
    ],
    [
      'a transaction',
      'POST',
      () => [
        '',
        {
          resourceType: 'Bundle',
          type: 'transaction',
          entry: [{ request: { method: 'DELETE', url: `Task/${String(task['id'])}` } }],
        },
      ],
    ],
  ])('refuses %s', async (_name, method, request) => {
    const [path, body] = request();
    const [status, text] = await answered(lab, path, method, body);
    expect([status, text]).toEqual([422, expect.stringContaining('$data-subject-step')]);
  });

  test('refuses a patch', async () => {
    const answer = await lab.fetch(`Task/${String(task['id'])}`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json-patch+json' },
      body: JSON.stringify([{ op: 'replace', path: '/status', value: 'completed' }]),
    });
    expect(answer.status).toBe(422);
    expect(await send(dpo, 'GET', `Task/${String(task['id'])}`)).toMatchObject({ status: 'requested' });
  });
});

describe('steps', () => {
  test('acknowledge, verify, forward, extend, accept, refuse', async () => {
    const task = await file(dpo, { type: 'access', name: 'Somebody', received: '2026-10-31' });
    await step(dpo, task, 'acknowledge');
    await expect(step(dpo, task, 'accept')).rejects.toThrow(/which Patient asks/);
    await step(dpo, task, 'verify', { identity: 'in-person', patient: 'Patient/p' });
    await expect(step(dpo, task, 'verify', { identity: 'document', patient: 'Patient/q' })).rejects.toThrow(/422/);
    const handed = await step(dpo, task, 'forward', { owner: 'Practitioner/deputy' });
    expect(handed['owner']).toEqual({ reference: 'Practitioner/deputy' });
    await expect(step(dpo, task, 'extend')).rejects.toThrow(/reason is missing/);
    const later = await step(dpo, task, 'extend', { reason: 'Many records in two archives.' });
    expect(later).toMatchObject({ restriction: { period: { end: '2027-01-31' } }, status: 'received' });
    await expect(step(dpo, task, 'extend', { reason: 'Once more.' })).rejects.toThrow(/was extended before/);
    await expect(step(dpo, task, 'refuse', { reason: 'Asked by Ms Haddadeh' })).rejects.toThrow(/must not name/);
    const refused = await step(dpo, task, 'refuse', { reason: 'Manifestly unfounded (Art. 12(5)).' });
    expect(refused).toMatchObject({ status: 'rejected', statusReason: { text: 'Manifestly unfounded (Art. 12(5)).' } });
    await expect(step(dpo, task, 'accept')).rejects.toThrow(/it has ended/);
  });

  test('what it takes is checked', async () => {
    const task = await file(dpo, { type: 'access', patient: 'Patient/p' });
    const run = (values: Values): Promise<[number, string]> =>
      answered(dpo, `Task/${String(task['id'])}/$data-subject-step`, 'POST', parameters(values));
    expect(await run({})).toEqual([400, expect.stringContaining('step is missing')]);
    expect(await run({ step: 'approve' })).toEqual([400, expect.stringContaining('step is one of')]);
    expect(await run({ step: 'forward', owner: 'Patient/p' })).toEqual([400, expect.stringContaining('owner')]);
    expect(await run({ step: 'complete' })).toEqual([422, expect.stringContaining('does not take the step')]);
    expect((await answered(dpo, 'Task/none/$data-subject-step', 'POST', parameters({ step: 'cancel' })))[0]).toBe(404);
  });

  test('another Task does not take one', async () => {
    await put(lab, { resourceType: 'Task', id: 'plain', status: 'requested', intent: 'order' });
    const asked = parameters({ step: 'cancel', reason: 'no more' });
    expect((await answered(dpo, 'Task/plain/$data-subject-step', 'POST', asked))[0]).toBe(404);
  });

  test('two at once: one of them', async () => {
    const task = await file(dpo, { type: 'access', patient: 'Patient/p' });
    const done = await Promise.allSettled(['a', 'b', 'c'].map(() => step(dpo, task, 'acknowledge')));
    expect(done.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  test('carrying out needs a fresh second factor', async () => {
    const task = await accepted(dpo, { type: 'restriction' });
    const stale = await officer(lab.tenant, 1_000, 'user/*.rs manage/privacy');
    await expect(step(stale, task, 'carry-out')).rejects.toThrow(/401/);
  });
});

describe('rectification', () => {
  test('is shown by the versions that made it', async () => {
    const task = await accepted(dpo, { type: 'rectification' });
    await expect(step(dpo, task, 'carry-out')).rejects.toThrow(/Name the versions/);
    await expect(step(dpo, task, 'carry-out', { version: 'Patient/p/_history/1' })).rejects.toThrow(
      /before the request/,
    );
    await expect(step(dpo, task, 'carry-out', { version: 'Patient/q/_history/1' })).rejects.toThrow(/no version/);
    await expect(step(dpo, task, 'carry-out', { version: 'Patient/p/_history/99' })).rejects.toThrow(/no version/);
    await expect(step(dpo, task, 'complete')).rejects.toThrow(/does not take/);
    const fixed = await put(lab, { resourceType: 'Patient', id: 'p', name: [{ family: 'Haddad', given: ['Salma'] }] });
    const version = `Patient/p/_history/${(fixed['meta'] as Json)['versionId']}`;
    const done = await step(dpo, task, 'carry-out', { version });
    const references = (done['output'] as { valueReference: Json }[]).map(
      ({ valueReference }) => valueReference['reference'],
    );
    expect(references).toEqual([version, expect.stringMatching(/^Provenance\//)]);
    const provenance = await send(lab, 'GET', String(references[1]));
    expect(provenance).toMatchObject({
      target: [{ reference: version }],
      entity: [{ what: { reference: `Task/${String(task['id'])}` } }],
    });
    expect(await step(dpo, task, 'complete')).toMatchObject({ status: 'completed' });
  });

  test('or by the reason why nothing was corrected', async () => {
    const task = await accepted(dpo, { type: 'rectification' });
    await step(dpo, task, 'carry-out', { reason: 'The value is as measured.' });
    expect(await step(dpo, task, 'complete')).toMatchObject({ status: 'completed' });
  });
});

describe('objection', () => {
  test('upheld denies the purposes', async () => {
    await put(lab, { resourceType: 'Patient', id: 'objector' });
    const task = await accepted(dpo, { type: 'objection', patient: 'Patient/objector' });
    await expect(step(dpo, task, 'carry-out')).rejects.toThrow(/decision/);
    await expect(step(dpo, task, 'carry-out', { decision: 'upheld' })).rejects.toThrow(/purpose/);
    await expect(step(dpo, task, 'carry-out', { decision: 'upheld', purpose: 'NONSENSE' })).rejects.toThrow(
      /is not known here/,
    );
    const done = await step(dpo, task, 'carry-out', { decision: 'upheld', purpose: 'HRESCH' });
    const evidence = (done['output'] as { valueReference?: Json }[]).find(({ valueReference }) => valueReference);
    expect(await send(lab, 'GET', String(evidence?.valueReference?.['reference']))).toMatchObject({
      status: 'active',
      provision: { type: 'deny', purpose: [{ code: 'HRESCH' }] },
    });
    const again = await step(dpo, task, 'carry-out', { decision: 'upheld', purpose: 'HRESCH' });
    expect((again['output'] as { valueReference?: Json }[]).filter(({ valueReference }) => valueReference)).toEqual([
      evidence,
      evidence,
    ]);
    const about = { consent: 'enforced' as const, clearance: 'all' as const, purposes: ['HRESCH'] };
    const researcher = await signIn(lab.tenant, 'user/*.rs', 'researcher', about);
    expect((await answered(researcher, 'Patient/objector', 'GET'))[0]).toBe(404);
    expect((await answered(researcher, 'Patient/q', 'GET'))[0]).toBe(200);
  });

  test('dismissed needs a reason', async () => {
    const task = await accepted(dpo, { type: 'objection' });
    await expect(step(dpo, task, 'carry-out', { decision: 'dismissed' })).rejects.toThrow(/reason/);
    await step(dpo, task, 'carry-out', { decision: 'dismissed', reason: 'A law demands it.' });
    expect(await step(dpo, task, 'complete')).toMatchObject({ status: 'completed' });
  });
});

describe('restriction and erasure', () => {
  test('restriction', async () => {
    await put(lab, { resourceType: 'Patient', id: 'held' });
    const task = await accepted(dpo, { type: 'restriction', patient: 'Patient/held' });
    const done = await step(dpo, task, 'carry-out');
    expect(done['output']).toEqual([expect.objectContaining({ valueUuid: expect.stringMatching(/^urn:uuid:/) })]);
    expect((await answered(lab, 'Patient/held', 'GET'))[0]).toBe(404);
    // A request goes on while the processing is restricted.
    expect(await step(dpo, task, 'complete')).toMatchObject({ status: 'completed' });
  });

  test('erasure leaves a Task with ids and the tombstone, and nothing that the person wrote', async () => {
    await put(lab, { resourceType: 'Patient', id: 'going', name: [{ family: 'Quintessa' }] });
    const open = await accepted(dpo, { type: 'access', patient: 'Patient/going' });
    const task = await accepted(dpo, {
      type: 'erasure',
      patient: 'Patient/going',
      name: 'Quintessa',
      contact: '+999 555 0101',
      text: 'Forget me.',
    });
    const letter = (task['input'] as Json[]).find((one) => 'valueReference' in one)?.['valueReference'] as Json;
    const preview = await step(dpo, task, 'carry-out', { dryRun: true });
    expect(preview['resourceType']).toBe('Parameters');
    expect(await send(dpo, 'GET', `Task/${String(task['id'])}`)).toMatchObject({ status: 'accepted' });
    const done = await step(dpo, task, 'carry-out');
    expect((await answered(lab, 'Patient/going', 'GET'))[0]).toBe(410);
    expect((await answered(lab, String(letter['reference']), 'GET'))[0]).toBe(410);
    expect(done['for']).toEqual({
      type: 'Patient',
      identifier: { system: 'urn:ietf:rfc:3986', value: (done['output'] as Json[])[0]?.['valueUuid'] },
    });
    expect(await step(dpo, task, 'complete')).toMatchObject({ status: 'completed' });
    const history = JSON.stringify(await send(lab, 'GET', `Task/${String(task['id'])}/_history`));
    expect(history).not.toMatch(/Quintessa|555|Forget/);
    // Another request of the same person can only be ended.
    await expect(step(dpo, open, 'carry-out')).rejects.toThrow(/was erased/);
    expect(await step(dpo, open, 'cancel', { reason: 'Erased meanwhile.' })).toMatchObject({ status: 'cancelled' });
  });
});
