/**
 * The server that runs sends its log to repositories: FHIR feed and syslog over TLS, to real sockets that break, refuse, hang
 * and mend. Every event once, or again after a break, in order, and none left out.
 */
import { execFile } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { About } from '../../src/identity/token.ts';
import { sql } from '../../src/store/sql.ts';
import { makeLaboratory, signIn, testDatabase, testServer, type Laboratory } from '../server.ts';
import { makeAuthority } from './certificate.ts';
import { putEvents } from './log.ts';
import {
  eventsOf,
  startFhirRepository,
  startSyslogRepository,
  type FhirRepository,
  type SyslogRepository,
} from './receivers.ts';

type Json = Record<string, unknown>;

const fresh: About = { acr: 'urn:makhbar:acr:second-factor', authTime: Math.floor(Date.now() / 1_000) };
const scopes = 'system/*.cruds manage/settings';

let repository: FhirRepository;
let syslog: SyslogRepository;

beforeAll(async () => {
  [repository, syslog] = [await startFhirRepository(), await startSyslogRepository()];
});
afterAll(async () => {
  await Promise.all([repository.close(), syslog.close()]);
});

interface Feed {
  name: string;
  delivered: string;
  waiting: number;
  stalled?: string;
  failure?: string;
  behind?: string;
}

const made: Laboratory[] = [];

async function makeLab(): Promise<Laboratory> {
  const lab = await makeLaboratory({ scopes, about: fresh });
  made.push(lab);
  return lab;
}

/** A feed whose receiver is gone would have its turns among those of the next test. */
afterEach(async () => {
  for (const lab of made.splice(0)) {
    for (const { name } of await feedsOf(lab)) await operate(lab, '$audit-feed-delete', { name });
  }
});

async function operate(lab: Laboratory, operation: string, values: Record<string, string> = {}) {
  const parameter = Object.entries(values).map(([name, valueString]) => ({ name, valueString }));
  const response = await lab.fetch(operation, {
    method: 'POST',
    headers: { 'content-type': 'application/fhir+json' },
    body: JSON.stringify({ resourceType: 'Parameters', ...(parameter.length > 0 && { parameter }) }),
  });
  return { status: response.status, body: (await response.json()) as Json };
}

async function setFeed(lab: Laboratory, values: Record<string, string>): Promise<void> {
  const { status, body } = await operate(lab, '$audit-feed-set', { name: 'out', from: 'beginning', ...values });
  expect({ status, body: status === 200 ? '' : body }).toEqual({ status: 200, body: '' });
}

async function feedsOf(lab: Laboratory): Promise<Feed[]> {
  const body = (await (await lab.fetch('$audit-feed-list')).json()) as {
    parameter?: { part: { name: string; [value: string]: unknown }[] }[];
  };
  return (body.parameter ?? []).map(({ part }) => {
    const members = part.map(({ name, ...value }) => [name, Object.values(value)[0]] as const);
    return Object.fromEntries(members) as unknown as Feed;
  });
}

/** The ids of the events of a laboratory in the order of the seals. */
async function logged(lab: Laboratory): Promise<string[]> {
  const rows = await testDatabase().query<{ id: string }>(
    lab.tenant.id,
    sql`select id from audit_event where tenant_id = ${lab.tenant.id} and recorded is null order by transaction, id`,
  );
  return rows.map(({ id }) => id);
}

/** Feeds of other tests, whose receivers do not answer, have their turns as well. */
async function until(holds: () => boolean | Promise<boolean>, seconds = 90): Promise<void> {
  for (const end = Date.now() + seconds * 1_000; Date.now() < end; await pause(100)) if (await holds()) return;
  throw new Error('It did not come to that in time.');
}

/** Their ids are in the order of their times. */
function at(n: number): string {
  return new Date(Date.UTC(2025, 0, 1, 10, 0, n)).toISOString();
}

async function putMany(lab: Laboratory, count: number): Promise<string[]> {
  return await putEvents(
    lab.tenant.id,
    Array.from({ length: count }, (_, i) => ({ at: at(i), requestId: `r-${i}`, patients: ['p1'] })),
  );
}

describe('FHIR feed', () => {
  test('every event in order, in batches, with the token; from the beginning; its own log only', async () => {
    const [lab, other] = [await makeLab(), await makeLab()];
    const early = await putMany(lab, 120);
    await putMany(other, 3);
    const { address, authority, taken } = repository;
    await setFeed(lab, { kind: 'fhir', address, authority: authority.certificate, token: 'secret-1' });
    await until(() => early.every((id) => taken.includes(id)));
    await lab.fetch('Patient?_count=7');
    const [last = ''] = (await logged(lab)).slice(-1);
    await until(() => taken.includes(last));
    // Events of the server's own may follow the last one, so the log is asked after what was taken.
    const sent = [...taken];
    const mine = await logged(lab);
    expect(sent).toEqual(mine.slice(0, sent.length));
    expect(sent).toContain(last);
    const ours = repository.received.filter(({ body }) => eventsOf(body).some(({ id }) => mine.includes(id)));
    expect(ours.length).toBeLessThan(10);
    for (const { headers, path, body } of ours) {
      expect([path, headers['authorization'], headers['content-type'], body['type']]).toEqual([
        '/fhir',
        'Bearer secret-1',
        'application/fhir+json',
        'batch',
      ]);
    }
    const shown = await (await lab.fetch(`AuditEvent/${early[0]}`)).json();
    expect(eventsOf(ours[0]?.body ?? {})[0]).toEqual(shown);
    const list = await (await lab.fetch('$audit-feed-list')).text();
    expect(list).not.toMatch(/secret-1|BEGIN/);
    expect((await feedsOf(lab))[0]).toMatchObject({ name: 'out' });
  }, 200_000);

  test('a receiver that answers 500, takes a part, breaks off and redirects: nothing is left out, nothing out of order', async () => {
    const mine = await startFhirRepository();
    try {
      const lab = await makeLab();
      const ids = await putMany(lab, 30);
      const behaviours = [
        () => 500,
        () => 'drop' as const,
        () => 'redirect' as const,
        (events: readonly string[]) => events.map((_, i) => (i < 4 ? 201 : i === 4 ? 422 : 201)),
      ];
      let exchanges = 0;
      mine.behave = (events) => behaviours[exchanges++]?.(events) ?? 201;
      await setFeed(lab, { kind: 'fhir', address: mine.address, authority: mine.authority.certificate, batch: '10' });
      await until(async () => (await feedsOf(lab))[0]?.stalled !== undefined);
      const [feed] = await feedsOf(lab);
      expect(feed).toMatchObject({ name: 'out', failure: expect.stringMatching(/500|broke|307|in time/) });
      expect(feed?.waiting).toBeGreaterThan(0);
      expect(feed?.behind).toMatch(/^2025-01-01T10:00:0/);
      await until(() => ids.every((id) => mine.taken.includes(id)), 60);
      // What was taken behind the one that was refused came again.
      expect([...new Set(mine.taken)].filter((id) => ids.includes(id)).toSorted()).toEqual(ids.toSorted());
      const firstTimes = mine.taken.filter((id, i) => mine.taken.lastIndexOf(id) === i && ids.includes(id));
      expect(firstTimes).toEqual((await logged(lab)).filter((id) => ids.includes(id)));
      expect(mine.received.every(({ path }) => path === '/fhir')).toBe(true);
      await until(async () => (await feedsOf(lab))[0]?.stalled === undefined);
      expect((await feedsOf(lab))[0]?.failure).toBeUndefined();
    } finally {
      await mine.close();
    }
  }, 200_000);

  test('one by one, to a receiver that asks for a certificate of this side', async () => {
    const mine = await startFhirRepository({ requestCert: true });
    try {
      const lab = await makeLab();
      const ids = await putMany(lab, 5);
      const own = mine.authority.certify('makhbar');
      const { address, authority } = mine;
      await setFeed(lab, { kind: 'fhir', address, authority: authority.certificate, batch: '1', ...own });
      await until(() => ids.every((id) => mine.taken.includes(id)));
      expect(
        mine.received.every(({ path, body }) => path === '/fhir/AuditEvent' && body['resourceType'] === 'AuditEvent'),
      ).toBe(true);
      // Without it, nothing is taken.
      await setFeed(lab, { kind: 'fhir', address, authority: authority.certificate });
      await lab.fetch('Patient');
      await until(async () => (await feedsOf(lab))[0]?.failure !== undefined);
    } finally {
      await mine.close();
    }
  }, 200_000);

  test.each<[string, () => Record<string, string>, RegExp]>([
    ['a certificate that nobody vouches for', () => ({ address: repository.address }), /not trusted/],
    [
      'another authority',
      () => ({ address: repository.address, authority: makeAuthority().certificate }),
      /not trusted/,
    ],
    ['nobody there', () => ({ address: 'https://localhost:1/fhir' }), /does not listen/],
  ])(
    '%s: nothing is sent, and the list says why',
    async (_, values, sentence) => {
      const lab = await makeLab();
      const [id = ''] = await putMany(lab, 1);
      await setFeed(lab, { kind: 'fhir', ...values() });
      await until(async () => (await feedsOf(lab))[0]?.failure !== undefined);
      expect((await feedsOf(lab))[0]?.failure).toMatch(sentence);
      expect(repository.taken).not.toContain(id);
    },
    60_000,
  );

  test('receivers that never answer, more than there are lanes for those that fail, hold up no other feed', async () => {
    const silent = await startFhirRepository();
    silent.behave = () => 'hang';
    try {
      const lab = await makeLab();
      const [id = ''] = await putMany(lab, 1);
      const { address, authority } = repository;
      for (const name of ['a', 'b', 'c']) {
        await setFeed(lab, { name, kind: 'fhir', address: silent.address, authority: silent.authority.certificate });
      }
      await until(() => silent.received.length >= 3);
      await setFeed(lab, { name: 'd', kind: 'fhir', address, authority: authority.certificate });
      await until(() => repository.taken.includes(id));
      await until(async () => (await feedsOf(lab)).some(({ delivered }) => delivered !== '0'));
      expect((await feedsOf(lab)).map(({ name, delivered }) => [name, delivered === '0'])).toEqual([
        ['a', true],
        ['b', true],
        ['c', true],
        ['d', false],
      ]);
    } finally {
      await silent.close();
    }
  }, 200_000);

  test('what other systems sent does not go on: two servers that feed each other come to an end', async () => {
    const [one, two] = [await makeLab(), await makeLab()];
    const feeding = await signIn(one.tenant, 'system/AuditEvent.c', 'pacs');
    const event = {
      resourceType: 'AuditEvent',
      type: { code: 'x' },
      recorded: '2025-01-01T10:00:00Z',
      agent: [{ requestor: true }],
      source: { observer: { display: 'x' } },
    };
    const post = { method: 'POST', headers: { 'content-type': 'application/fhir+json' }, body: JSON.stringify(event) };
    const { headers } = await feeding.fetch('AuditEvent', post);
    const [, external = ''] = /AuditEvent\/([^/]+)\//.exec(headers.get('location') ?? '') ?? [];
    await setFeed(one, { kind: 'fhir', address: repository.address, authority: repository.authority.certificate });
    await one.fetch('Patient');
    const [last = ''] = (await logged(one)).slice(-1);
    await until(() => repository.taken.includes(last));
    expect(repository.taken).not.toContain(external);
    expect(await feedsOf(two)).toEqual([]);
  }, 200_000);
});

describe('syslog over TLS', () => {
  function requestsOf(messages: readonly string[]): string[] {
    return messages.flatMap((message) => /ParticipantObjectID="(r-\d+)"/.exec(message)?.[1] ?? []);
  }
  const numbers = (count: number): string[] => Array.from({ length: count }, (_, i) => `r-${i}`);

  test('each event is a message of RFC 5424 with DICOM XML; a connection that is cut in the middle is begun again', async () => {
    const mine = await startSyslogRepository();
    try {
      const lab = await makeLab();
      await putMany(lab, 40);
      mine.cutAfter = 7;
      const { address, authority } = mine;
      await setFeed(lab, { kind: 'syslog', address, authority: authority.certificate, batch: '20' });
      await until(() => mine.cuts > 0);
      mine.cutAfter = Infinity;
      await until(async () => Number((await feedsOf(lab))[0]?.delivered) >= 40);
      const requests = requestsOf(mine.messages);
      expect([...new Set(requests)]).toEqual(numbers(40));
      expect(requests.slice(-40)).toEqual(numbers(40));
      expect(requests.length).toBeGreaterThan(40);
      for (const message of mine.messages) {
        expect(message).toMatch(
          /^<8[45]>1 \S+ \S+ makhbar \d+ IHE\+RFC-3881 - <\?xml version="1.0" encoding="UTF-8"\?><AuditMessage>/,
        );
      }
    } finally {
      await mine.close();
    }
  }, 200_000);

  test('a receiver that is slow to read gets all of it', async () => {
    const mine = await startSyslogRepository();
    try {
      const lab = await makeLab();
      const query = `Observation?code=${'x'.repeat(60_000)}`;
      await putEvents(
        lab.tenant.id,
        Array.from({ length: 60 }, (_, i) => ({ at: at(i), requestId: `r-${i}`, query })),
      );
      mine.slow = true;
      await setFeed(lab, {
        kind: 'syslog',
        address: mine.address,
        authority: mine.authority.certificate,
        batch: '100',
      });
      await until(() => mine.connections > 0);
      await pause(1_000);
      expect((await feedsOf(lab))[0]).toMatchObject({ delivered: '0' });
      mine.slow = false;
      await until(async () => Number((await feedsOf(lab))[0]?.delivered) >= 60);
      expect(requestsOf(mine.messages).slice(0, 60)).toEqual(numbers(60));
    } finally {
      await mine.close();
    }
  }, 200_000);

  test('RFC 5425, 4.4: a connection that ends without close_notify took nothing for sure', async () => {
    const mine = await startSyslogRepository();
    try {
      const lab = await makeLab();
      const early = await putMany(lab, 10);
      mine.dies = 1;
      await setFeed(lab, { kind: 'syslog', address: mine.address, authority: mine.authority.certificate, batch: '10' });
      await until(() => mine.died > 0);
      expect(requestsOf(mine.messages)).toEqual(numbers(early.length));
      await until(() => requestsOf(mine.exchanges.flat()).length >= early.length);
      expect(requestsOf(mine.exchanges.flat()).slice(0, early.length)).toEqual(numbers(early.length));
    } finally {
      await mine.close();
    }
  }, 200_000);

  test('a receiver that dies after an exchange gets what it took last once more, and nothing before it', async () => {
    const mine = await startSyslogRepository();
    try {
      const lab = await makeLab();
      await putMany(lab, 10);
      await setFeed(lab, { kind: 'syslog', address: mine.address, authority: mine.authority.certificate, batch: '10' });
      await until(() => requestsOf(mine.messages).length >= 10);
      const known = mine.exchanges.length;
      await lab.fetch('Patient?_count=1');
      await until(() => mine.exchanges.length > Math.max(known, 1));
      mine.cutAfter = 0;
      await lab.fetch('Patient?_count=2');
      await until(() => mine.cuts > 0);
      const taken = mine.exchanges.splice(0);
      const last = taken.pop() ?? [];
      mine.messages.length = 0;
      mine.cutAfter = Infinity;
      await until(() => last.every((message) => mine.messages.includes(message)));
      expect(last.length).toBeGreaterThan(0);
      expect(mine.messages.slice(0, last.length)).toEqual(last);
      expect(mine.messages.filter((message) => taken.flat().includes(message))).toEqual([]);
    } finally {
      await mine.close();
    }
  }, 200_000);
});

describe('who says where it goes', () => {
  const definition = { name: 'out', kind: 'fhir', address: 'https://repository.example.org/fhir' };

  test.each<[string, string, About, number]>([
    ['the operator', scopes, fresh, 200],
    ['without a fresh second factor', scopes, { ...fresh, authTime: 1_700_000_000 }, 401],
    ['settings, but not the whole log', 'system/Patient.rs manage/settings', fresh, 403],
    ['a part of the log', 'system/AuditEvent.rs?action=R manage/settings', fresh, 403],
    ['the log, but no settings', 'system/AuditEvent.rs', fresh, 403],
  ])('%s', async (_, given, about, status) => {
    const lab = await makeLab();
    const caller = await signIn(lab.tenant, given, 'caller', about);
    expect((await operate(caller, '$audit-feed-set', definition)).status).toBe(status);
    const found = await (await lab.fetch('AuditEvent?subtype=$audit-feed-set')).json();
    const [event] = (found as { entry: { resource: Json }[] }).entry.map(({ resource }) => resource);
    expect(event).toMatchObject(
      status === 200
        ? {
            outcome: '0',
            subtype: [{ code: '110130' }, { code: '$audit-feed-set' }],
            entity: expect.arrayContaining([
              expect.objectContaining({ what: { identifier: { value: 'audit feed out' } } }),
            ]),
          }
        : { outcome: '8', subtype: [{ code: '110132' }, { code: '$audit-feed-set' }] },
    );
  });

  test.each<[string, Record<string, string>, RegExp]>([
    ['no https', { address: 'http://repository.example.org/fhir' }, /https/],
    ['a password in the address', { address: 'https://a:b@repository.example.org/fhir' }, /password/],
    ['a query', { address: 'https://repository.example.org/fhir?x=1' }, /query/],
    ['syslog without TLS', { kind: 'syslog', address: 'tcp://repository.example.org:6514' }, /tls:/],
    ['another kind', { kind: 'udp' }, /kind/],
    ['a name', { name: '../x' }, /name/],
    ['an authority', { authority: 'x' }, /authority/],
    ['a key without its certificate', { key: 'x' }, /together/],
    ['a token with a line end', { token: 'x\r\nHost: y' }, /token/],
    ['a token for syslog', { kind: 'syslog', address: 'tls://repository.example.org', token: 'x' }, /syslog/],
    ['a batch', { batch: '1000' }, /batch/],
    ['a parameter', { redirect: 'true' }, /redirect/],
  ])('%s is refused by name', async (_, values, sentence) => {
    const lab = await makeLab();
    const { status, body } = await operate(lab, '$audit-feed-set', { ...definition, ...values });
    expect(status).toBe(400);
    expect(JSON.stringify(body)).toMatch(sentence);
    expect(await feedsOf(lab)).toEqual([]);
  });

  test.each([
    'https://127.0.0.1/fhir',
    'https://169.254.169.254/',
    'https://[::1]/fhir',
    'https://[::ffff:10.0.0.1]/',
    'https://2130706433/',
  ])('an administrator does not send it to %s', async (address) => {
    const lab = await makeLab();
    const administrator = await signIn(lab.tenant, 'user/AuditEvent.rs manage/settings', 'chief', {
      ...fresh,
      roles: ['chief'],
      roleScopes: ['user/AuditEvent.rs'],
    });
    const { status, body } = await operate(administrator, '$audit-feed-set', { ...definition, address });
    expect([status, JSON.stringify(body)]).toEqual([400, expect.stringContaining('not public')]);
  });

  test('nor by a name that leads there', async () => {
    const lab = await makeLab();
    const administrator = await signIn(lab.tenant, 'user/AuditEvent.rs manage/settings', 'chief', {
      ...fresh,
      roles: ['chief'],
      roleScopes: ['user/AuditEvent.rs'],
    });
    const before = repository.received.length;
    await setFeed(administrator, {
      kind: 'fhir',
      address: repository.address,
      authority: repository.authority.certificate,
    });
    await until(async () => (await feedsOf(lab))[0]?.failure !== undefined);
    expect((await feedsOf(lab))[0]?.failure).toMatch(/not public/);
    expect(repository.received.length).toBe(before);
  }, 200_000);

  test('deleted, nothing goes out; the other laboratory neither sees nor deletes it', async () => {
    const [lab, other] = [await makeLab(), await makeLab()];
    await setFeed(lab, { ...definition, active: 'false' });
    expect(await feedsOf(other)).toEqual([]);
    expect((await operate(other, '$audit-feed-delete', { name: 'out' })).status).toBe(404);
    expect((await operate(lab, '$audit-feed-delete', { name: 'out' })).status).toBe(200);
    expect(await feedsOf(lab)).toEqual([]);
    const events = async (operation: string, of = lab): Promise<Json[]> => {
      const found = await (await of.fetch(`AuditEvent?subtype=${operation}`)).json();
      return (found as { entry: { resource: Json }[] }).entry.map(({ resource }) => resource);
    };
    const deleted = { action: 'U', outcome: '0', subtype: [{ code: '110130' }, { code: '$audit-feed-delete' }] };
    expect(await events('$audit-feed-delete')).toMatchObject([deleted]);
    expect(await events('$audit-feed-delete', other)).toMatchObject([{ ...deleted, outcome: '4' }]);
    expect(await events('$audit-feed-list')).toMatchObject([
      { action: 'E', outcome: '0', subtype: [{ code: 'operation' }, { code: '$audit-feed-list' }] },
    ]);
  });
});

test('makhbar audit feed: set from files, list, delete; each is in the log', async () => {
  const lab = await makeLab();
  const [id = ''] = await putMany(lab, 1);
  const folder = await mkdtemp(join(tmpdir(), 'makhbar-feed-'));
  const launcher = new URL('../../src/command/makhbar.js', import.meta.url).pathname;
  const makhbar = async (...args: string[]): Promise<{ code: number; out: string; err: string }> => {
    const { databaseUrl, dataDir } = testServer();
    const env = { PATH: process.env['PATH'], DATABASE_URL: databaseUrl, DATA_DIR: dataDir };
    return await new Promise((done) =>
      execFile(process.execPath, [launcher, 'audit', 'feed', ...args], { env, cwd: dataDir }, (error, out, err) =>
        done({ code: Number(error?.code ?? 0), out, err }),
      ),
    );
  };
  try {
    const [authority, token] = [join(folder, 'authority.pem'), join(folder, 'token')];
    await writeFile(authority, repository.authority.certificate);
    await writeFile(token, 'from-a-file\n');
    const place = ['--kind', 'fhir', '--address', repository.address, '--authority', authority, '--token', token];
    const set = await makhbar('set', lab.tenant.name, 'arr', ...place, '--from-beginning');
    expect(set).toMatchObject({ code: 0, err: '' });
    await until(() => repository.taken.includes(id));
    expect(repository.received.at(-1)?.headers['authorization']).toBe('Bearer from-a-file');
    const listed = await makhbar('list', lab.tenant.name, '--json');
    expect(JSON.parse(listed.out)).toMatchObject([{ name: 'arr', kind: 'fhir', active: true }]);
    const refusing = await startFhirRepository();
    refusing.behave = () => 422;
    await writeFile(authority, refusing.authority.certificate);
    const poison = ['--kind', 'fhir', '--address', refusing.address, '--authority', authority];
    expect((await makhbar('set', lab.tenant.name, 'poison', ...poison, '--from-beginning')).code).toBe(0);
    await until(() => refusing.received.length > 0);
    expect((await makhbar('skip', lab.tenant.name, 'poison')).out).toContain(`AuditEvent/${id}`);
    const without = (body: Json): boolean => !eventsOf(body).some((event) => event.id === id);
    await until(() => refusing.received.some(({ body }) => without(body)));
    expect((await makhbar('delete', lab.tenant.name, 'poison')).code).toBe(0);
    await refusing.close();
    expect((await makhbar('delete', lab.tenant.name, 'arr')).code).toBe(0);
    expect(await makhbar('delete', lab.tenant.name, 'arr')).toMatchObject({
      code: 1,
      err: expect.stringContaining('arr'),
    });
    const found = await (await lab.fetch('AuditEvent?agent:identifier=makhbar&_sort=date')).json();
    // A server that another test starts is told to the log of every laboratory, without a command.
    expect(
      (found as { entry: { resource: { subtype: { code: string }[] } }[] }).entry.flatMap(
        ({ resource }) => resource.subtype[1]?.code ?? [],
      ),
    ).toEqual(['set', 'set', 'skip', 'delete', 'delete'].map((deed) => `makhbar audit feed ${deed}`));
  } finally {
    await rm(folder, { recursive: true });
  }
}, 60_000);
