/** Users and roles over HTTP: $user-…, $role-…, $access-review. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import type { About } from '../../src/identity/token.ts';
import type { JsonObject } from '../../src/fhir/json.ts';
import { sessionOf } from '../../src/store/accounts.ts';
import { addClient } from '../../src/store/clients.ts';
import { writeRole } from '../../src/store/roles.ts';
import { makeLaboratory, signIn, testDatabase, type Laboratory } from '../server.ts';
import { makeUser } from './laboratory.ts';

interface Said {
  status: number;
  headers: Headers;
  /** Values of the parameters, those of a part as an object, by name. */
  values: Record<string, unknown[]>;
  sentence: string;
}

type Value = string | boolean | number;

/** By POST with Parameters; a GET with a query where there are no values. */
async function ask(lab: Laboratory, name: string, values?: [string, Value][]): Promise<Said> {
  const parameter = values?.map(([key, value]) =>
    typeof value === 'boolean'
      ? { name: key, valueBoolean: value }
      : typeof value === 'number'
        ? { name: key, valueInteger: value }
        : { name: key, valueString: value },
  );
  const headers = { 'content-type': 'application/fhir+json' };
  const body = JSON.stringify({ resourceType: 'Parameters', parameter });
  const response = await lab.fetch(name, values === undefined ? {} : { method: 'POST', headers, body });
  const json = (await response.json()) as JsonObject;
  const issues = (json['issue'] ?? []) as { diagnostics: string }[];
  return {
    status: response.status,
    headers: response.headers,
    values: valuesOf((json['parameter'] ?? []) as JsonObject[]),
    sentence: issues.map(({ diagnostics }) => diagnostics).join(' '),
  };
}

function valuesOf(parts: JsonObject[]): Record<string, unknown[]> {
  const values: Record<string, unknown[]> = {};
  for (const part of parts) {
    const value =
      part['part'] === undefined
        ? Object.entries(part).find(([key]) => key.startsWith('value'))?.[1]
        : valuesOf(part['part'] as JsonObject[]);
    (values[String(part['name'])] ??= []).push(value);
  }
  return values;
}

const now = Math.floor(Date.now() / 1_000);
const fresh: About = { acr: 'urn:makhbar:acr:second-factor', authTime: now };
const managing = 'manage/users manage/roles';

let lab: Laboratory;
let administrator: Laboratory;
let administratorId: string;
beforeAll(async () => {
  lab = await makeLaboratory({ scopes: `system/*.cruds ${managing}` });
  ({ id: administratorId } = await makeUser(lab.tenant, { username: 'chief', roles: ['administrator'] }));
  administrator = await signIn(lab.tenant, managing, administratorId, fresh);
});

describe('users', () => {
  test('an invited user stands in the list; the link is for the address of the laboratory', async () => {
    const added = await ask(administrator, '$user-add', [
      ['username', 'Sara.Nasser'],
      ['display', 'سارة ناصر'],
      ['email', 'sara@lab.example'],
      ['fhirUser', 'Practitioner/sara'],
      ['role', 'technician'],
      ['role', 'reception'],
    ]);
    expect([added.status, added.headers.get('cache-control'), added.values['kind']]).toEqual([
      200,
      'no-store',
      ['invitation'],
    ]);
    expect(added.values['link']?.[0]).toMatch(
      new RegExp(`^${lab.base.replace(/fhir$/, '')}account/invitation/[\\w-]{43}$`),
    );
    const hours = (Date.parse(String(added.values['expires']?.[0])) - Date.now()) / 3_600_000;
    expect(Math.round(hours)).toBe(72);
    const { values } = await ask(administrator, '$user-list?username=sara.nasser');
    expect(values['user']).toEqual([
      {
        id: [expect.stringMatching(/^urn:uuid:/)],
        username: ['sara.nasser'],
        display: ['سارة ناصر'],
        email: ['sara@lab.example'],
        fhirUser: [{ reference: 'Practitioner/sara' }],
        status: ['invited'],
        role: ['reception', 'technician'],
        created: [expect.stringMatching(/Z$/)],
      },
    ]);
    expect((await ask(administrator, '$user-list')).values['user']).toHaveLength(2);
  });

  test('set gives exactly the roles named, and none takes all; what is not named stays', async () => {
    await ask(administrator, '$user-add', [
      ['username', 'omar'],
      ['role', 'reception'],
      ['fhirUser', 'Practitioner/o'],
    ]);
    const set = async (...values: [string, Value][]): Promise<unknown> =>
      (await ask(administrator, '$user-set', [['username', 'omar'], ...values])).values['user']?.[0];
    expect(await set(['role', 'technician'])).toMatchObject({
      role: ['technician'],
      fhirUser: [{ reference: 'Practitioner/o' }],
    });
    expect(await set(['display', 'Omar'])).toMatchObject({ role: ['technician'], display: ['Omar'] });
    expect(await set(['fhirUser', 'none'])).not.toHaveProperty('fhirUser');
    expect(await set(['role', 'none'])).not.toHaveProperty('role');
  });

  test('disable and enable; reset gives a link of its own kind', async () => {
    await makeUser(lab.tenant, { username: 'leaver' });
    const status = async (name: string): Promise<unknown> =>
      (await ask(administrator, name, [['username', 'leaver']])).values['user']?.[0];
    expect(await status('$user-disable')).toMatchObject({ status: ['disabled'] });
    expect((await ask(administrator, '$user-reset', [['username', 'leaver']])).status).toBe(422);
    expect(await status('$user-enable')).toMatchObject({ status: ['active'] });
    const reset = await ask(administrator, '$user-reset', [
      ['username', 'leaver'],
      ['factors', true],
    ]);
    expect([reset.values['kind'], reset.values['link']?.[0]]).toEqual([
      ['reset'],
      expect.stringContaining('/account/reset/'),
    ]);
  });

  const refused: [string, [string, Value][], number, RegExp][] = [
    ['$user-add', [], 400, /username is missing/],
    ['$user-add', [['username', 'a b']], 400, /A username takes/],
    ['$user-add', [['username', 'x'.repeat(101)]], 400, /A username takes/],
    ['$user-add', [['username', 'CHIEF']], 409, /There is a user "chief" already/],
    [
      '$user-add',
      [
        ['username', 'new'],
        ['role', 'god'],
      ],
      400,
      /There is no role "god"; there are administrator, /,
    ],
    [
      '$user-add',
      [
        ['username', 'new'],
        ['role', 'none'],
      ],
      400,
      /There is no role "none"/,
    ],
    [
      '$user-add',
      [
        ['username', 'new'],
        ['fhirUser', 'Observation/1'],
      ],
      400,
      /fhirUser takes a reference/,
    ],
    [
      '$user-add',
      [
        ['username', 'new'],
        ['fhirUser', 'Patient/1&x=y'],
      ],
      400,
      /fhirUser takes a reference/,
    ],
    [
      '$user-add',
      [
        ['username', 'new'],
        ['email', 'nobody'],
      ],
      400,
      /email takes/,
    ],
    [
      '$user-add',
      [
        ['username', 'new'],
        ['display', 'line\nbreak'],
      ],
      400,
      /display takes/,
    ],
    [
      '$user-add',
      [
        ['username', 'new'],
        ['password', 'x'],
      ],
      400,
      /has no parameter "password"/,
    ],
    ['$user-set', [['username', 'nobody']], 404, /There is no user "nobody"/],
    ['$user-disable', [['username', 'nobody']], 404, /There is no user/],
    ['$role-delete', [['name', '__proto__']], 404, /has no role/],
    [
      '$user-set',
      [
        ['username', 'chief'],
        ['role', 'administrator'],
        ['role', 'pathologist'],
      ],
      403,
      /cannot give yourself a role/,
    ],
    [
      '$user-set',
      [
        ['username', 'chief'],
        ['fhirUser', 'Practitioner/other'],
      ],
      403,
      /cannot change which person you are/,
    ],
    ['$user-reset', [['username', 'chief']], 403, /cannot reset yourself/],
    ['$user-disable', [['username', 'chief']], 422, /without an active user who manages users/],
    [
      '$user-set',
      [
        ['username', 'chief'],
        ['role', 'none'],
      ],
      422,
      /without an active user who manages users/,
    ],
    [
      '$user-reset',
      [
        ['username', 'chief'],
        ['factors', 'maybe'],
      ],
      400,
      /factors is true or false/,
    ],
  ];
  test.each(refused)('%s %j is refused with %d', async (name, values, status, sentence) => {
    const said = await ask(administrator, name, values);
    expect([said.status, said.sentence]).toEqual([status, expect.stringMatching(sentence)]);
    expect((await ask(administrator, '$user-list?username=new')).values['user']).toBeUndefined();
  });

  test.each(['%00', 'chief%00', "'; drop table account; --", '%F0%9F%A6%A9'])(
    'a search for %s finds nobody',
    async (name) => {
      for (const parameter of ['username', 'after']) {
        const said = await ask(administrator, `$user-list?${parameter}=${name}`);
        expect([said.status, said.values]).toEqual([200, {}]);
      }
    },
  );

  test('of two administrators who disable each other at once one stays', async () => {
    const own = await makeLaboratory();
    const ids = await Promise.all(
      ['one', 'two'].map((username) => makeUser(own.tenant, { username, roles: ['administrator'] })),
    );
    const said = await Promise.all(
      ids.map(async ({ id }, i) =>
        ask(await signIn(own.tenant, managing, id, fresh), '$user-disable', [['username', i === 0 ? 'two' : 'one']]),
      ),
    );
    expect(said.map(({ status }) => status).sort((a, b) => a - b)).toEqual([200, 422]);
  });

  test('what another laboratory has is not there', async () => {
    const other = await makeLaboratory({ scopes: managing });
    expect((await ask(other, '$user-list')).values['user']).toBeUndefined();
    expect((await ask(other, '$user-disable', [['username', 'chief']])).status).toBe(404);
    expect((await ask(other, '$user-add', [['username', 'chief']])).status).toBe(200);
  });
});

describe('who may', () => {
  const operations = [
    '$user-add',
    '$user-set',
    '$user-disable',
    '$user-enable',
    '$user-reset',
    '$role-set',
    '$role-delete',
  ];

  test.each(operations)(
    '%s needs a second factor of the last 15 minutes, and says so as RFC 9470 does',
    async (name) => {
      const user: [string, Value][] = [['username', 'chief']];
      const role: [string, Value][] = [
        ['name', 'xy'],
        ['title', 'x'],
        ['consent', 'exempt'],
      ];
      const callers: About[] = [
        { acr: 'urn:makhbar:acr:password', authTime: now },
        { acr: 'urn:makhbar:acr:second-factor', authTime: now - 1_000 },
        { acr: 'urn:makhbar:acr:second-factor', authTime: now + 1_000 },
        { acr: '0', authTime: now },
      ];
      for (const about of callers) {
        const caller = await signIn(lab.tenant, managing, administratorId, about);
        const said = await ask(
          caller,
          name,
          name.startsWith('$user') ? user : role.slice(0, name === '$role-set' ? 3 : 1),
        );
        expect([said.status, said.headers.get('www-authenticate')]).toEqual([
          401,
          expect.stringMatching(
            /^Bearer realm="t-.*error="insufficient_user_authentication".*acr_values="urn:makhbar:acr:second-factor", max_age="900"$/,
          ),
        ]);
      }
    },
  );

  test.each([...operations, '$user-list', '$role-list'])(
    '%s is refused without its scope, and by GET where it changes',
    async (name) => {
      const clinical = await signIn(lab.tenant, 'system/*.cruds', 'someone', fresh);
      const said = await ask(clinical, name, operations.includes(name) ? [] : undefined);
      expect([said.status, said.sentence]).toEqual([
        403,
        expect.stringMatching(/needs the scope manage\/(users|roles)/),
      ]);
      if (operations.includes(name)) expect((await administrator.fetch(name)).status).toBe(405);
    },
  );
});

test('within a transaction nothing of it is done', async () => {
  const entry = (url: string, body: JsonObject) => ({ request: { method: 'POST', url }, resource: body });
  const named = { resourceType: 'Parameters', parameter: [{ name: 'username', valueString: 'bundled' }] };
  const caller = await signIn(lab.tenant, `system/*.cruds ${managing}`, administratorId, fresh);
  const send = async (type: string): Promise<number> => {
    const bundle = { resourceType: 'Bundle', type, entry: [entry('$user-add', named)] };
    const headers = { 'content-type': 'application/fhir+json' };
    return (await caller.fetch('', { method: 'POST', headers, body: JSON.stringify(bundle) })).status;
  };
  expect(await send('transaction')).toBe(400);
  expect((await ask(administrator, '$user-list?username=bundled')).values['user']).toBeUndefined();
  expect(await send('batch')).toBe(200);
  expect((await ask(administrator, '$user-list?username=bundled')).values['user']).toHaveLength(1);
});

describe('roles', () => {
  const night: [string, Value][] = [
    ['name', 'night-shift'],
    ['title', 'Night shift'],
    ['scope', 'user/Observation.rs?status=final'],
    ['scope', 'practitioner/Task.rs'],
    ['secondFactor', true],
    ['clearance', 'N'],
    ['clearance', 'R'],
    ['breakGlassMinutes', 30],
    ['consent', 'enforced'],
  ];
  const without = (...names: string[]): [string, Value][] => night.filter(([name]) => !names.includes(name));

  test('a role is made, given, kept while it is held, and removed', async () => {
    const made = await ask(administrator, '$role-set', night);
    const role = {
      name: ['night-shift'],
      title: ['Night shift'],
      source: ['own'],
      understood: [true],
      scope: ['user/Observation.rs?status=final', 'practitioner/Task.rs'],
      secondFactor: [true],
      clearance: ['N', 'R'],
      breakGlassMinutes: [30],
      consent: ['enforced'],
    };
    expect([made.status, made.values['role']]).toEqual([200, [role]]);
    await ask(administrator, '$user-add', [
      ['username', 'nadia'],
      ['role', 'night-shift'],
    ]);
    expect((await ask(administrator, '$role-delete', [['name', 'night-shift']])).status).toBe(409);
    await ask(administrator, '$user-set', [
      ['username', 'nadia'],
      ['role', 'none'],
    ]);
    expect((await ask(administrator, '$role-delete', [['name', 'night-shift']])).status).toBe(200);
    expect((await ask(administrator, '$role-delete', [['name', 'night-shift']])).status).toBe(404);
  });

  test('a shipped role is changed for this laboratory only, and is as it was after delete', async () => {
    const shown = async (of: Laboratory): Promise<unknown> =>
      ((await ask(of, '$role-list')).values['role'] as { name: string[]; title: string[]; source: string[] }[])
        .filter(({ name }) => name[0] === 'auditor')
        .map(({ title, source }) => [title[0], source[0]]);
    const other = await makeLaboratory({ scopes: managing });
    await ask(administrator, '$role-set', [...without('name', 'title'), ['name', 'auditor'], ['title', 'Reviser']]);
    expect([await shown(administrator), await shown(other)]).toEqual([
      [['Reviser', 'changed']],
      [['Auditor', 'shipped']],
    ]);
    await ask(administrator, '$role-delete', [['name', 'auditor']]);
    expect(await shown(administrator)).toEqual([['Auditor', 'shipped']]);
  });

  test('all twelve are listed; one that is stored and not understood is said to be', async () => {
    const own = await makeLaboratory({ scopes: managing });
    const stored = { name: 'damaged', definition: '{"name":"damaged","scopes":["user/*.cruds"],"newer":true}' };
    await writeRole(sessionOf(testDatabase(), own.tenant.id), stored, { by: 'x', now: Date.now() });
    const { values } = await ask(own, '$role-list');
    expect(values['role']).toHaveLength(13);
    expect(values['role']?.at(-1)).toEqual({ name: ['damaged'], understood: [false] });
    const given = await ask(own, '$user-add', [
      ['username', 'x1'],
      ['role', 'damaged'],
    ]);
    expect([given.status, given.sentence]).toEqual([400, expect.stringContaining('no role "damaged"')]);
  });

  const refused: [string, [string, Value][], RegExp][] = [
    ['no name', without('name'), /name is missing/],
    ['a name that is none', [...without('name'), ['name', 'Night Shift']], /name takes/],
    ['no consent', without('consent'), /consent is missing/],
    ['a scope that is none', [...night, ['scope', 'user/Nothing.rs']], /is no scope/],
    ['a scope of another kind', [...night, ['scope', 'manage/users']], /is no scope/],
    ['writing the log', [...night, ['scope', 'user/AuditEvent.c']], /nobody writes AuditEvent/],
    ['deleting the log', [...night, ['scope', 'system/AuditEvent.d?type=rest']], /nobody writes AuditEvent/],
    ['writing all types', [...night, ['scope', 'user/*.cruds']], /nobody writes AuditEvent/],
    ['v1 for all of the log', [...night, ['scope', 'user/AuditEvent.*']], /nobody writes AuditEvent/],
    ['users and patients', [...night, ['manages', 'users']], /no access to Observation/],
    ['roles and all types', [...without('scope'), ['scope', 'user/*.rs'], ['manages', 'roles']], /no access to \*/],
    ['an unknown thing to manage', [...night, ['manages', 'everything']], /manages takes users,/],
    ['an unknown parameter in a filter', [...night, ['scope', 'user/Patient.rs?favourite=7']], /favourite/],
    ['a filter without a value', [...night, ['scope', 'user/Patient.rs?name=']], /no search criterion/],
    ['an unknown placeholder', [...night, ['scope', 'user/Patient.rs?general-practitioner={me}']], /placeholders are/],
    ['a result parameter', [...night, ['scope', 'user/Patient.rs?_count=1']], /_count/],
    ['an unknown confidentiality', [...night, ['clearance', 'X']], /clearance takes/],
    ['all and one more', [...night, ['clearance', 'all']], /clearance takes/],
    ['a week of broken glass', [...without('breakGlassMinutes'), ['breakGlassMinutes', 10_080]], /breakGlass takes/],
    ['no number', [...without('breakGlassMinutes'), ['breakGlassMinutes', 'x']], /breakGlass takes/],
    [
      'a role that one holds',
      [...without('name'), ['name', 'administrator']],
      /You hold the role "administrator" yourself/,
    ],
    [
      'too many scopes',
      [...night, ...Array.from({ length: 200 }, (): [string, Value] => ['scope', 'user/Patient.r'])],
      /at most 200/,
    ],
  ];
  test.each(refused)('%s: refused', async (_, values, sentence) => {
    const said = await ask(administrator, '$role-set', values);
    expect([said.status >= 400 && said.status < 500, said.sentence]).toEqual([true, expect.stringMatching(sentence)]);
    expect((await ask(administrator, '$role-list')).values['role']).toHaveLength(12);
  });

  test('a filter with both placeholders is taken', async () => {
    const scope = 'user/ServiceRequest.rs?requester={fhirUser}&subject=Patient/{patient}';
    expect((await ask(administrator, '$role-set', [...without('scope'), ['scope', scope]])).status).toBe(200);
    await ask(administrator, '$role-delete', [['name', 'night-shift']]);
  });
});

describe('$access-review', () => {
  test('who has which role since when, given by whom; those without roles and those who left too', async () => {
    const own = await makeLaboratory({ scopes: managing });
    const { id } = await makeUser(own.tenant, { username: 'chief', display: 'Chief, "the"', roles: ['administrator'] });
    const acting = await signIn(own.tenant, managing, id, fresh);
    await ask(acting, '$user-add', [
      ['username', 'amal'],
      ['display', '=cmd()'],
      ['role', 'technician'],
      ['role', 'reception'],
    ]);
    await ask(acting, '$user-add', [['username', 'gone']]);
    await ask(acting, '$user-disable', [['username', 'gone']]);
    const emr = { id: 'emr', kind: 'backend', name: 'EMR', scopes: 'system/Patient.rs' } as const;
    const more = { metadata: {}, createdBy: id, secretHash: undefined };
    await addClient(sessionOf(testDatabase(), own.tenant.id), { ...emr, ...more });
    const { values } = await ask(acting, '$access-review');
    const instant = [expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/)];
    expect(values['access']).toEqual([
      expect.objectContaining({
        username: ['amal'],
        role: ['reception'],
        grantedBy: ['chief'],
        since: instant,
        status: ['invited'],
      }),
      expect.objectContaining({ username: ['amal'], role: ['technician'], grantedBy: ['chief'] }),
      expect.objectContaining({
        username: ['chief'],
        role: ['administrator'],
        grantedBy: ['operator'],
        status: ['active'],
      }),
      expect.objectContaining({ username: ['gone'], status: ['disabled'] }),
      expect.objectContaining({ kind: ['client'], username: ['emr'], scopes: ['system/Patient.rs'] }),
    ]);
    for (const [path, headers] of [
      ['$access-review?_format=text/csv', {}],
      ['$access-review', { accept: 'text/csv' }],
    ] as const) {
      const response = await acting.fetch(path, { headers });
      expect([response.status, response.headers.get('content-type')]).toEqual([
        200,
        'text/csv; charset=utf-8; header=present',
      ]);
      const lines = (await response.text()).split('\r\n');
      expect(lines[0]).toBe(
        'kind,username,display,status,fhirUser,role,since,grantedBy,lastUsed,factors,lastSignIn,created,scopes',
      );
      expect(lines[1]).toMatch(/^user,amal,'=cmd\(\),invited,,reception,\d{4}-/);
      expect(lines[3]).toMatch(/^user,chief,"Chief, ""the""",active,,administrator,/);
      expect(lines[5]).toMatch(/^client,emr,EMR,active,,,.*,chief,,,,.*,system\/Patient.rs$/);
      expect(lines).toHaveLength(7);
    }
  });

  test.each([
    ['user/AuditEvent.rs', {}, 200],
    ['manage/users', {}, 200],
    ['user/Observation.rs', {}, 403],
    ['patient/AuditEvent.rs', { patient: '1' }, 403],
    ['user/AuditEvent.rs?type=rest', {}, 403],
    ['manage/roles', {}, 403],
  ])('with %s %j: %d', async (scopes, about, status) => {
    expect((await ask(await signIn(lab.tenant, scopes, 'auditor', about), '$access-review')).status).toBe(status);
  });
});
