/** Overrides in an emergency: who may open one, what it opens and what not, how it ends, and who is told. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { sql } from '../../src/store/sql.ts';
import type { About } from '../../src/identity/token.ts';
import { signIn, testDatabase, type Laboratory } from '../server.ts';
import {
  bound,
  confidentiality,
  consent,
  entriesOf,
  get,
  headers,
  laboratoryWithPatients,
  observation,
  put,
  purpose,
  type Json,
} from './laboratory.ts';

const emergency = { 'x-purpose-of-use': 'BTG' };
const everything = ['user/*.rs'];

let lab: Laboratory;

/** Who has a role that may break the glass for an hour, and sees only what he ordered. */
function physician(subject: string, about: About = {}, scopes = 'user/*.rs'): Promise<Laboratory> {
  return signIn(lab.tenant, scopes, subject, {
    ...bound,
    clearance: ['U', 'L', 'M', 'N'],
    roleScopes: ['user/Observation.rs?performer=Practitioner/nobody', 'user/Patient.rs'],
    breakGlass: { minutes: 60, roleScopes: ['user/Observation.rs?performer=Practitioner/nobody', 'user/Patient.rs'] },
    ...about,
  });
}

async function open(
  caller: Laboratory,
  patient: string,
  parameters: Json[] = [{ name: 'reason', valueString: 'Unconscious in the emergency room' }],
): Promise<{ status: number; json: Json }> {
  const body = JSON.stringify({ resourceType: 'Parameters', parameter: parameters });
  const answer = await caller.fetch(`Patient/${patient}/$break-glass`, { method: 'POST', headers, body });
  return { status: answer.status, json: (await answer.json()) as Json };
}

function close(caller: Laboratory, patient: string): Promise<Response> {
  return caller.fetch(`Patient/${patient}/$break-glass-close`, { method: 'POST' });
}

const sees = async (caller: Laboratory, more: Record<string, string> = emergency): Promise<string[]> =>
  entriesOf((await get(caller, 'Observation?_count=50', more)).json);

function sentence({ json }: { json: Json }): string {
  return (json['issue'] as { diagnostics: string }[]).map(({ diagnostics }) => diagnostics).join(' ');
}

async function filled(): Promise<Laboratory> {
  const made = await laboratoryWithPatients();
  await put(made, observation('normal'));
  await put(made, observation('restricted', { meta: { security: [confidentiality('R')] } }));
  await put(made, observation('very', { meta: { security: [confidentiality('V')] } }));
  await put(made, observation('other', { subject: { reference: 'Patient/q' } }));
  await put(
    made,
    observation('both', { subject: { reference: 'Patient/p' }, performer: [{ reference: 'Patient/q' }] }),
  );
  await put(made, { resourceType: 'Specimen', id: 's', subject: { reference: 'Patient/p' } });
  await put(made, consent('of-p', { type: 'deny' }));
  await put(
    made,
    consent(
      'of-q',
      { type: 'deny', provision: [{ type: 'permit', purpose: [purpose('BTG')] }] },
      { patient: { reference: 'Patient/q' } },
    ),
  );
  return made;
}

beforeAll(async () => {
  lab = await filled();
});

describe('an override', () => {
  test('opens what consent, labels up to R and the conditions of the role hide, for that patient alone', async () => {
    const caller = await physician('opens');
    expect(await sees(caller, {})).toEqual([]);
    const opened = await open(caller, 'p');
    expect([opened.status, opened.json['resourceType']]).toEqual([201, 'Parameters']);
    expect(await sees(caller)).toEqual(['Observation/normal', 'Observation/restricted']);
    expect(await sees(caller, {})).toEqual([]);
  });

  test('the coded form of the purpose does the same', async () => {
    const caller = await physician('coded');
    await open(caller, 'p');
    const coded = { 'x-purpose-of-use': 'http://terminology.hl7.org/CodeSystem/v3-ActReason|BTG' };
    expect(await sees(caller, coded)).toEqual(['Observation/normal', 'Observation/restricted']);
  });

  test('so does the purpose of the token', async () => {
    const caller = await physician('token', { purposes: ['BTG'] });
    expect((await get(caller, 'Observation')).status).toBe(403);
    await open(caller, 'p');
    expect(await sees(caller, {})).toEqual(['Observation/normal', 'Observation/restricted']);
  });

  test('never the types and permissions of the roles', async () => {
    const caller = await physician('types');
    await open(caller, 'p');
    expect((await get(caller, 'Specimen', emergency)).status).toBe(403);
    const body = JSON.stringify(observation('normal', { status: 'amended' }));
    const written = await caller.fetch('Observation/normal', {
      method: 'PUT',
      headers: { ...headers, ...emergency },
      body,
    });
    expect(written.status).toBe(403);
  });

  test('never the scopes of the token, filters included', async () => {
    const caller = await physician('scopes', {}, 'user/Observation.rs?status=amended user/Patient.rs');
    await open(caller, 'p');
    expect(await sees(caller)).toEqual([]);
  });

  test('of another patient it opens nothing, even where that one permits emergencies', async () => {
    const caller = await physician('other-patient');
    await open(caller, 'p');
    expect(await sees(caller)).not.toContain('Observation/other');
    await open(caller, 'q');
    expect(await sees(caller)).toEqual([
      'Observation/both',
      'Observation/normal',
      'Observation/other',
      'Observation/restricted',
    ]);
  });

  test('is of its account', async () => {
    const [one, two] = [await physician('one'), await physician('two')];
    await open(one, 'p');
    const refused = await get(two, 'Observation', emergency);
    expect([refused.status, sentence(refused)]).toEqual([403, expect.stringContaining('$break-glass')]);
  });

  test('is of its laboratory', async () => {
    const elsewhere = await filled();
    const caller = await physician('everywhere');
    await open(caller, 'p');
    const there = await signIn(elsewhere.tenant, everything.join(' '), 'everywhere', {
      ...bound,
      breakGlass: { minutes: 60, roleScopes: everything },
    });
    expect((await get(there, 'Observation', emergency)).status).toBe(403);
  });

  test('closing ends it at once', async () => {
    const caller = await physician('closing');
    await open(caller, 'p');
    expect(await sees(caller)).toHaveLength(2);
    expect((await close(caller, 'p')).status).toBe(200);
    expect((await get(caller, 'Observation', emergency)).status).toBe(403);
    expect((await close(caller, 'p')).status).toBe(404);
  });

  test('its time ends it', async () => {
    const caller = await physician('expiring');
    await testDatabase().query(
      lab.tenant.id,
      sql`insert into break_glass (tenant_id, patient, subject, reason, until)
        values (${lab.tenant.id}, 'p', 'expiring', 'for some seconds', clock_timestamp() + interval '4 s')`,
    );
    expect(await sees(caller)).toHaveLength(2);
    const asked = async (): Promise<number> => (await get(caller, 'Observation', emergency)).status;
    for (const end = Date.now() + 120_000; Date.now() < end && (await asked()) !== 403;)
      await new Promise((resolve) => setTimeout(resolve, 200));
    expect(await asked()).toBe(403);
  });
});

describe('what is refused', () => {
  test('a caller without a role that may', async () => {
    const caller = await signIn(lab.tenant, 'user/*.cruds', 'without', bound);
    const refused = await open(caller, 'p');
    expect([refused.status, sentence(refused)]).toEqual([403, expect.stringContaining('None of your roles')]);
  });

  test.each<[string, number, Json[]]>([
    ['no reason', 400, []],
    ['a reason that says nothing', 400, [{ name: 'reason', valueString: 'urgent' }]],
    [
      'more minutes than the role has',
      400,
      [
        { name: 'reason', valueString: 'Unconscious in the emergency room' },
        { name: 'minutes', valueInteger: 61 },
      ],
    ],
    [
      'no minutes',
      400,
      [
        { name: 'reason', valueString: 'Unconscious in the emergency room' },
        { name: 'minutes', valueInteger: 0 },
      ],
    ],
    [
      'minutes that are none',
      400,
      [
        { name: 'reason', valueString: 'Unconscious in the emergency room' },
        { name: 'minutes', valueString: '1e1' },
      ],
    ],
    [
      'an unknown parameter',
      400,
      [
        { name: 'reason', valueString: 'Unconscious in the emergency room' },
        { name: 'hours', valueInteger: 1 },
      ],
    ],
  ])('%s', async (_name, status, parameters) => {
    expect((await open(await physician('refused'), 'p', parameters)).status).toBe(status);
  });

  test('a patient who is not there', async () => {
    expect((await open(await physician('nowhere'), 'nobody')).status).toBe(404);
  });

  test('an unknown purpose', async () => {
    const refused = await get(await physician('purpose'), 'Observation', { 'x-purpose-of-use': 'CURIOSITY' });
    expect([refused.status, sentence(refused)]).toEqual([400, expect.stringContaining('CURIOSITY')]);
  });

  test('a purpose that the token does not give', async () => {
    const refused = await get(await physician('narrow'), 'Observation', { 'x-purpose-of-use': 'HRESCH' });
    expect([refused.status, sentence(refused)]).toEqual([403, expect.stringContaining('TREAT')]);
  });
});

test('the data protection officer gets a Task with the reason, and nothing is left of one that failed', async () => {
  const caller = await physician('told');
  const opened = await open(caller, 'p', [{ name: 'reason', valueString: 'Anaphylaxis, history needed' }]);
  const [id] = (opened.json['parameter'] as { valueUuid: string }[]).map(({ valueUuid }) => valueUuid);
  await open(caller, 'nobody');
  const tasks = (await get(lab, `Task?code=urn:makhbar:task|break-glass-review&identifier=${id}`)).json;
  const [task] = (tasks['entry'] as { resource: Json }[]).map(({ resource }) => resource);
  expect(task).toMatchObject({
    status: 'requested',
    description: 'Anaphylaxis, history needed',
    for: { reference: 'Patient/p' },
    requester: { reference: 'Practitioner/a' },
    authoredOn: expect.stringMatching(/Z$/),
  });
  const rows = await testDatabase().query<{ count: number }>(
    lab.tenant.id,
    sql`select count(*)::int4 as count from break_glass where tenant_id = ${lab.tenant.id} and subject = 'told'`,
  );
  expect(rows[0]?.count).toBe(1);
});
