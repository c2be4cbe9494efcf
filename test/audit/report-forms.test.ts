/** The reports on the audit log as tables, pages and lists; the clock of a breach; what a DPO, an auditor and a patient get. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { validateResource } from '../../src/fhir/validation/validate.ts';
import type { JsonObject } from '../../src/fhir/json.ts';
import { eventColumns, recordFromRow, type EventRow } from '../../src/store/audit-read.ts';
import { sql } from '../../src/store/sql.ts';
import { makeLaboratory, signIn, testDatabase, type Laboratory } from '../server.ts';
import { putEvents, type Given } from './log.ts';

type Json = Record<string, unknown>;

interface Part {
  readonly name: string;
  readonly part?: readonly Part[];
  readonly [value: string]: unknown;
}

const officerScopes = 'user/AuditEvent.rs user/Practitioner.rs user/PractitionerRole.rs user/Organization.rs';
const json = { 'content-type': 'application/fhir+json' };

let lab: Laboratory;
let other: Laboratory;
let officer: Laboratory;
let patient: Laboratory;

async function put(at: Laboratory, resource: Json): Promise<void> {
  const path = `${String(resource['resourceType'])}/${String(resource['id'])}`;
  const response = await at.fetch(path, { method: 'PUT', body: JSON.stringify(resource), headers: json });
  expect({ path, status: response.status }).toEqual({ path, status: 201 });
}

const doctor = { subject: 'u-1', client: 'portal', roles: ['pathologist'], fhirUser: 'Practitioner/hostile' };
const ward = { subject: 'u-2', client: '@SUM(A1)', roles: ['technician'], name: '=cmd()|calc' };
const seen = (id: string, more: Partial<Given> = {}): Given => ({
  at: '2025-05-01T08:00:00Z',
  agent: doctor,
  address: '10.0.0.7',
  purposes: ['TREAT'],
  touched: [{ type: 'Observation', id: `o-${id}`, version: 1 }],
  patients: [id],
  ...more,
});

beforeAll(async () => {
  [lab, other] = [await makeLaboratory(), await makeLaboratory()];
  officer = await signIn(lab.tenant, officerScopes, 'officer');
  patient = await signIn(lab.tenant, 'patient/AuditEvent.s patient/Patient.r', 'patient-p1', {
    patient: 'p1',
    fhirUser: 'Patient/p1',
  } as never);
  for (const id of ['p1', 'p2']) await put(lab, { resourceType: 'Patient', id, name: [{ text: 'ليلى القاسم' }] });
  for (const id of ['p1', 'p2']) {
    const subject = { reference: `Patient/${id}` };
    await put(lab, { resourceType: 'Observation', id: `o-${id}`, status: 'final', code: { text: 'x' }, subject });
  }
  await put(lab, { resourceType: 'Organization', id: 'w', name: 'قسم الطوارئ' });
  await put(lab, {
    resourceType: 'Practitioner',
    id: 'hostile',
    name: [{ text: '=HYPERLINK("https://evil.example")<script>alert(1)</script>' }],
  });
  await put(lab, {
    resourceType: 'PractitionerRole',
    id: 'r',
    practitioner: { reference: 'Practitioner/hostile' },
    organization: { reference: 'Organization/w' },
  });
  await putEvents(lab.tenant.id, [
    seen('p1'),
    seen('p1', { at: '2025-05-02T08:00:00Z', agent: ward, purposes: [] }),
    seen('p1', { at: '2025-05-03T08:00:00Z', patients: ['p1', 'p2'], kind: 'search-type' }),
    seen('p2', { at: '2025-05-04T08:00:00Z', outcome: 8, kind: 'access-denied', reason: '403 forbidden: <i>no</i>' }),
  ]);
  await putEvents(other.tenant.id, [seen('p1'), seen('p3')]);
}, 60_000);

const period = 'start=2025-05-01&end=2025-05-31';
const access = `Patient/p1/$access-report?${period}`;
const activity = `AuditEvent/$user-activity-report?user=Practitioner/hostile&${period}`;
const breach = `AuditEvent/$breach-report?address=10.0.0.7&${period}`;

interface Asked {
  readonly status: number;
  readonly type: string;
  readonly text: string;
  readonly headers: Headers;
}

async function ask(path: string, headers: Record<string, string> = {}, as = officer): Promise<Asked> {
  const response = await as.fetch(path, { headers });
  const type = (response.headers.get('content-type') ?? '').split(';')[0] ?? '';
  // Response.text() takes the mark of UTF-8 away.
  const text = Buffer.from(await response.arrayBuffer()).toString('utf8');
  return { status: response.status, type, text, headers: response.headers };
}

async function parametersOf(path: string, as = officer): Promise<readonly Part[]> {
  const { status, text } = await ask(path, {}, as);
  expect({ path, status, wrong: status === 200 ? '' : text }).toEqual({ path, status: 200, wrong: '' });
  const resource = JSON.parse(text) as JsonObject;
  expect(validateResource(resource).filter(({ severity }) => severity === 'error')).toEqual([]);
  return (resource['parameter'] ?? []) as unknown as Part[];
}

function one(parts: readonly Part[], name: string): unknown {
  const part = parts.find((candidate) => candidate.name === name);
  const key = Object.keys(part ?? {}).find((member) => member.startsWith('value'));
  return key === undefined ? undefined : part?.[key];
}

function groups(parts: readonly Part[], name: string): (readonly Part[])[] {
  return parts.flatMap((part) => (part.name === name && part.part !== undefined ? [part.part] : []));
}

describe('the form is what was asked for', () => {
  test.each<[string, string, string]>([
    ['', '*/*', 'application/fhir+json'],
    ['', 'application/fhir+xml', 'application/fhir+xml'],
    ['', 'text/csv', 'text/csv'],
    ['', 'text/html', 'text/html'],
    ['', 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 'text/html'],
    ['', 'text/html;q=0.1, application/fhir+json', 'application/fhir+json'],
    ['', 'text/html;q=0, text/csv', 'text/csv'],
    ['&_format=csv', 'text/html', 'text/csv'],
    ['&_format=text/html', '*/*', 'text/html'],
    ['&_format=xml', 'text/html', 'application/fhir+xml'],
  ])('%s with Accept: %s is %s', async (format, accept, expected) => {
    for (const path of [access, activity, breach]) {
      const { status, type } = await ask(`${path}${format}`, { accept });
      expect({ path, status, type }).toEqual({ path, status: 200, type: expected });
    }
  });

  test.each(['_format=ndjson', '_format=application/fhir%2Bndjson', '_format=application/fhir+ndjson'])(
    'a list: %s',
    async (format) => {
      const { type, text } = await ask(`${breach}&${format}`);
      expect(type).toBe('application/fhir+ndjson');
      const [first = ''] = text.split('\n');
      expect(validateResource(JSON.parse(first) as JsonObject)).toEqual([]);
    },
  );

  test('a list is none of the other two', async () => {
    expect((await ask(`${access}&_format=ndjson`)).status).toBe(406);
  });

  test.each(['batch', 'transaction'])('in a %s it is Parameters, whatever an entry asks for', async (type) => {
    const entry = { request: { method: 'GET', url: `${access}&_format=csv` } };
    const body = JSON.stringify({ resourceType: 'Bundle', type, entry: [entry] });
    const response = await officer.fetch('', {
      method: 'POST',
      headers: { ...json, prefer: 'return=representation' },
      body,
    });
    const answered = (await response.json()) as { entry?: { resource?: Json; response: Json }[] };
    expect(answered.entry?.[0]).toMatchObject({
      response: { status: '200 OK' },
      resource: { resourceType: 'Parameters' },
    });
  });
});

describe('a table', () => {
  test('begins with the mark of UTF-8, and no name in it is a formula', async () => {
    const { text, headers } = await ask(access, { accept: 'text/csv' });
    const [head, ...lines] = text.slice(0, -2).split('\r\n');
    expect(head).toBe(
      '\uFEFFuser,name,username,role,organization,client,external,purpose,first,last,count,refused,seen',
    );
    expect(headers.get('content-disposition')).toMatch(/^attachment; filename="access-report-\d{4}-\d\d-\d\d\.csv"$/);
    expect(lines).toEqual([
      `Practitioner/hostile,"'=HYPERLINK(""https://evil.example"")<script>alert(1)</script>",,pathologist,قسم الطوارئ,portal,,TREAT,2025-05-01T08:00:00.000Z,2025-05-03T08:00:00.000Z,2,0,Observation 1 (ER)`,
      `u-2,'=cmd()|calc,,technician,,'@SUM(A1),,,2025-05-02T08:00:00.000Z,2025-05-02T08:00:00.000Z,1,0,Observation 1 (R)`,
    ]);
  });

  test.each([activity, breach])('%s', async (path) => {
    const { text } = await ask(path, { accept: 'text/csv' });
    expect(text.startsWith('\uFEFF')).toBe(true);
    expect(text.split('\r\n').filter((line) => /(^|,)[=+@-]/.test(line))).toEqual([]);
  });
});

describe('a page', () => {
  test.each<[string, Record<string, string>, string, string]>([
    ['', {}, 'en', 'ltr'],
    ['', { 'accept-language': 'ar-TN, fr;q=0.5' }, 'ar', 'rtl'],
    ['&_language=fr', { 'accept-language': 'ar' }, 'fr', 'ltr'],
  ])('%s %j is in %s', async (asked, headers, language, direction) => {
    for (const path of [access, activity, breach]) {
      const page = await ask(path + asked, { ...headers, accept: 'text/html' });
      expect(page.text).toContain(`<html lang="${language}" dir="${direction}">`);
      expect(page.headers.get('content-language')).toBe(language);
      expect(page.headers.get('content-security-policy')).toMatch(/^default-src 'none'; style-src 'sha256-[^']+'; /);
    }
  });

  test('carries no markup of a name, a client or a reason', async () => {
    for (const path of [access, activity, breach]) {
      const { text } = await ask(path, { accept: 'text/html' });
      expect(text).not.toMatch(/<script|<i>|<img/);
    }
    expect((await ask(access, { accept: 'text/html' })).text).toContain('&lt;script&gt;alert(1)');
    expect((await ask(activity, { accept: 'text/html' })).text).toContain('&lt;i&gt;no&lt;/i&gt;');
  });

  test('names the patient to who may read them, and gives the id to others', async () => {
    const name = async (as: Laboratory): Promise<boolean> =>
      (await ask(access, { accept: 'text/html' }, as)).text.includes('ليلى القاسم');
    expect([await name(officer), await name(patient), await name(lab)]).toEqual([false, true, true]);
  });
});

describe('who may', () => {
  const callers: Readonly<Record<string, string>> = {
    officer: officerScopes,
    auditor: 'user/AuditEvent.rs',
    filtered: 'user/AuditEvent.rs?action=E',
    nothing: 'user/Patient.rs user/Observation.rs',
    reads: 'user/AuditEvent.r',
  };
  test.each<[keyof typeof callers, number, number, number]>([
    ['officer', 200, 200, 200],
    ['auditor', 200, 200, 200],
    ['filtered', 200, 200, 403],
    ['nothing', 403, 403, 403],
    ['reads', 403, 403, 403],
  ])('%s: %d %d %d', async (name, ...expected) => {
    const as = await signIn(lab.tenant, callers[name], String(name));
    const statuses: number[] = [];
    for (const path of [access, activity, breach]) statuses.push((await ask(path, {}, as)).status);
    expect(statuses).toEqual(expected);
  });

  test('a patient: about himself, nothing of others', async () => {
    const parts = await parametersOf(access, patient);
    expect([one(parts, 'events'), one(parts, 'partial')]).toEqual([3, undefined]);
    const text = JSON.stringify(parts);
    expect(text).not.toMatch(/p2|cmd/);
    const statuses: number[] = [];
    for (const path of [access.replace('p1', 'p2'), activity, breach]) {
      statuses.push((await ask(path, {}, patient)).status);
    }
    expect(statuses).toEqual([403, 403, 403]);
  });

  test('conditions of a scope narrow the report, and it says so', async () => {
    const as = await signIn(lab.tenant, 'user/AuditEvent.rs?action=E', 'filtered');
    const parts = await parametersOf(access, as);
    expect([one(parts, 'events'), one(parts, 'partial')]).toEqual([1, true]);
    expect((await ask(access, { accept: 'text/html' }, as)).text).toContain('class="warning"');
  });

  test('another laboratory has its own', async () => {
    const parts = await parametersOf(breach, other);
    expect([one(parts, 'events'), one(parts, 'persons')]).toEqual([2, 2]);
    const elsewhere = await officer.fetch(`${breach}`, { headers: { authorization: `Bearer ${other.token}` } });
    expect(elsewhere.status).toBe(401);
  });
});

describe('hostile input is refused with a sentence', () => {
  test.each<[string, number, RegExp]>([
    ['Patient/p1/$access-report?start=yesterday', 400, /start must be a FHIR date/],
    ['Patient/p1/$access-report?start=2025-02-30', 400, /start must be a FHIR date/],
    ['Patient/p1/$access-report?start=2025-02-01&end=2025-01-01', 400, /start must be before end/],
    ['Patient/p1/$access-report?start=2025&start=2026', 400, /start is given once/],
    ['Patient/p1/$access-report?since=2025', 400, /no parameter .*since/],
    ['Patient/p1/$access-report?_language=tlh', 400, /Reports are written in en, fr, ar/],
    ['Patient/$access-report', 404, /no operation/],
    ['AuditEvent/$user-activity-report', 400, /needs a user or a client/],
    ['AuditEvent/$user-activity-report?user=', 400, /user takes a name/],
    ['AuditEvent/$user-activity-report?user=%00', 400, /user takes a name/],
    ['AuditEvent/$user-activity-report?user=x&_count=0', 400, /_count is 1 to 10000/],
    ['AuditEvent/$user-activity-report?user=x&_after=%00', 400, /_after/],
    ['AuditEvent/$breach-report', 400, /needs a user, a client, an address or a query/],
    ['AuditEvent/$breach-report?address=%27%20or%20true', 400, /address is a network address/],
    ['AuditEvent/$breach-report?query=nonsense%3D1', 400, /nonsense/],
    ['AuditEvent/$breach-report?query=_count%3D1', 400, /_count/],
    ['AuditEvent/$breach-report?query=', 400, /query takes search criteria/],
    ['AuditEvent/$breach-report?query=_has%3AProvenance%3Atarget%3Aagent%3D1', 400, /_has/],
    ['AuditEvent/$breach-report?user=x&aware=2999-01-01', 400, /must not be in the future/],
    ['AuditEvent/$breach-report?user=x&aware=soon', 400, /aware must be a FHIR date/],
  ])('%s', async (path, status, sentence) => {
    const answer = await ask(path);
    expect({ path, status: answer.status }).toEqual({ path, status });
    expect(answer.text).toMatch(sentence);
  });

  test.each(["'; drop table audit_event; --", 'a,b|c\\d$e', '"', '%', 'Practitioner/', '\u202E', '𝒳'])(
    'a user of whom nothing is known: %j',
    async (user) => {
      const parts = await parametersOf(`AuditEvent/$user-activity-report?user=${encodeURIComponent(user)}&${period}`);
      expect([one(parts, 'events'), one(parts, 'patients'), one(parts, 'failed-sign-ins')]).toEqual([0, 0, 0]);
    },
  );
});

describe('a breach', () => {
  const hour = 3_600_000;

  test('the clock ends 72 hours after the laboratory became aware', async () => {
    const aware = new Date(Date.now() - 70.5 * hour).toISOString();
    const parts = await parametersOf(`${breach}&aware=${aware}`);
    const due = new Date(Date.parse(aware) + 72 * hour).toISOString();
    expect([one(parts, 'aware'), one(parts, 'due'), one(parts, 'overdue')]).toEqual([aware, due, false]);
    expect(one(parts, 'remaining')).toEqual({
      value: 1.5,
      unit: 'h',
      system: 'http://unitsofmeasure.org',
      code: 'h',
    });
  });

  test('now, where nothing is said; overdue afterwards', async () => {
    const before = Date.now();
    const parts = await parametersOf(breach);
    const aware = Date.parse(String(one(parts, 'aware')));
    expect(aware >= before && aware <= Date.now()).toBe(true);
    const late = await parametersOf(`${breach}&aware=2025-06-01`);
    expect([one(late, 'overdue'), one(late, 'due')]).toEqual([true, '2025-06-04T00:00:00.000Z']);
    const notice = String(one(groups(late, 'notice')[0] ?? [], 'text'));
    expect(notice).toContain('Reasons for the delay');
  });

  test('a draft notice in three languages, with the facts, and what is left to the officer', async () => {
    const parts = await parametersOf(`${breach}&aware=2025-06-01T10:00:00Z`);
    const notices = groups(parts, 'notice').map((part) => [one(part, 'language'), String(one(part, 'text'))]);
    const marks: Readonly<Record<string, readonly RegExp[]>> = {
      en: [
        /^DRAFT/,
        /approximate number\): 2;/,
        /1 May 2025 at 08:00/,
        /\[to be completed: likely consequences/,
        /address 10\.0\.0\.7/,
      ],
      fr: [/^PROJET/, /nombre approximatif\)\u00A0: 2\u00A0;/, /1 mai 2025/, /\[à compléter\u00A0: conséquences/],
      ar: [/^مسودة/, /\): 2؛/, /1 مايو 2025/, /\[يُستكمل: العواقب/],
    };
    expect(notices.map(([language]) => language)).toEqual(['en', 'fr', 'ar']);
    for (const [language, text] of notices) {
      for (const mark of marks[String(language)] ?? []) expect(text).toMatch(mark);
      expect(text).toContain(lab.tenant.title);
    }
  });

  test('what was refused concerns nobody', async () => {
    const query = encodeURIComponent('subtype=http://dicom.nema.org/resources/ontology/DCM|110132');
    const parts = await parametersOf(`AuditEvent/$breach-report?query=${query}&${period}`);
    expect(['events', 'refused', 'persons', 'records'].map((name) => one(parts, name))).toEqual([1, 1, 0, 0]);
    expect(String(one(groups(parts, 'notice')[0] ?? [], 'text'))).toContain('nothing was accessed');
    expect((await ask(`AuditEvent/$breach-report?query=${query}&${period}&_format=ndjson`)).text).toBe('');
  });
});

test('asked by POST, with the person as a Reference', async () => {
  const parameter = [
    { name: 'user', valueReference: { reference: 'Practitioner/hostile' } },
    { name: 'start', valueDate: '2025-05-01' },
    { name: 'end', valueDate: '2025-05-31' },
  ];
  const body = JSON.stringify({ resourceType: 'Parameters', parameter });
  for (const operation of ['$user-activity-report', '$breach-report']) {
    const response = await officer.fetch(`AuditEvent/${operation}`, { method: 'POST', headers: json, body });
    const parts = ((await response.json()) as { parameter?: Part[] }).parameter ?? [];
    expect([response.status, one(parts, 'events')]).toEqual([200, 3]);
  }
});

test('sign-ins that failed under a name are told, and how many', async () => {
  const entity = {
    what: { identifier: { value: 'samir' } },
    type: { system: 'http://terminology.hl7.org/CodeSystem/audit-entity-type', code: '1' },
  };
  const failed: Given = { at: '2025-05-05T08:00:00Z', kind: 'sign-in-failed', outcome: 4, further: [entity] };
  await putEvents(lab.tenant.id, [
    failed,
    { ...failed, at: '2025-05-06T08:00:00Z' },
    { ...failed, at: '2025-07-06T08:00:00Z' },
  ]);
  const parts = await parametersOf(`AuditEvent/$user-activity-report?user=samir&${period}`);
  expect([one(parts, 'failed-sign-ins'), one(parts, 'events')]).toEqual([2, 0]);
});

describe('events of other systems', () => {
  const event: Json = {
    resourceType: 'AuditEvent',
    type: { system: 'http://dicom.nema.org/resources/ontology/DCM', code: '110103' },
    action: 'R',
    recorded: '2025-08-01T10:00:00Z',
    outcome: '0',
    purposeOfEvent: [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActReason', code: 'TREAT' }] }],
    agent: [
      {
        who: { reference: 'Practitioner/hostile' },
        altId: 'rad7',
        name: 'Zoë Farès',
        network: { address: '192.0.2.33', type: '2' },
        requestor: true,
      },
    ],
    source: { observer: { display: 'PACS' } },
    entity: [{ what: { reference: 'Patient/p1' } }, { what: { reference: 'Observation/o-p1' } }],
  };
  const august = 'start=2025-08-01&end=2025-08-31';

  beforeAll(async () => {
    const pacs = await signIn(lab.tenant, 'system/AuditEvent.c', 'pacs');
    const unnamed = {
      ...event,
      entity: [{ what: { reference: 'Observation/o-p2' } }],
      recorded: '2025-08-02T10:00:00Z',
    };
    for (const body of [event, unnamed]) {
      const response = await pacs.fetch('AuditEvent', { method: 'POST', headers: json, body: JSON.stringify(body) });
      expect(response.status).toBe(201);
    }
  });

  test('tell who it was there, and when', async () => {
    const parts = await parametersOf(`Patient/p1/$access-report?${august}`);
    const [line = []] = groups(parts, 'access');
    expect([one(parts, 'events'), one(line, 'external'), one(line, 'first'), one(line, 'purpose')]).toEqual([
      1,
      true,
      '2025-08-01T10:00:00.000Z',
      'TREAT',
    ]);
    expect(one(line, 'user')).toEqual({ reference: 'Practitioner/hostile', identifier: { value: 'makhbar|rad7' } });
    expect(groups(line, 'seen').map((seen) => [one(seen, 'type'), one(seen, 'action'), one(seen, 'count')])).toEqual([
      ['Observation', 'R', 1],
      ['Patient', 'R', 1],
    ]);
    const page = await ask(`Patient/p1/$access-report?${august}`, { accept: 'text/html' });
    expect(page.text).toContain('(told by another system)');
  });

  test('are deeds of the person, with the action and address that were told', async () => {
    const parts = await parametersOf(`AuditEvent/$user-activity-report?user=Practitioner/hostile&${august}`);
    const [day = []] = groups(parts, 'day');
    expect([
      one(parts, 'events'),
      one(parts, 'patients'),
      one(day, 'date'),
      one(day, 'event'),
      one(day, 'action'),
    ]).toEqual([2, 2, '2025-08-01', 'external', 'R']);
    expect(groups(parts, 'address').map((line) => one(line, 'address'))).toEqual(['192.0.2.33']);
    expect(
      (await ask(`AuditEvent/$user-activity-report?user=Practitioner/hostile&${august}&_format=csv`)).text,
    ).toContain('day,2025-08-01,external,R,');
  });

  test('concern persons whom only their records name', async () => {
    const parts = await parametersOf(`AuditEvent/$breach-report?user=Practitioner/hostile&${august}`);
    expect(['events', 'persons', 'records', 'last'].map((name) => one(parts, name))).toEqual([
      2,
      2,
      3,
      '2025-08-02T10:00:00.000Z',
    ]);
    const { text } = await ask(`AuditEvent/$breach-report?user=Practitioner/hostile&${august}&_format=ndjson`);
    expect(text.trim().split('\n').length).toBe(2);
  });
});

test('a day is one of the laboratory, and refusals past a rate count', async () => {
  const east = await makeLaboratory({ settings: { timezone: 'Asia/Riyadh' } });
  const told = { type: { code: '2' }, description: 'requests', detail: [{ type: 'count', valueString: '250' }] };
  await putEvents(east.tenant.id, [
    seen('p1', { at: '2025-05-01T20:59:00Z' }),
    seen('p1', { at: '2025-05-01T21:01:00Z' }),
    seen('p1', {
      at: '2025-05-03T12:00:00Z',
      kind: 'requests-refused',
      outcome: 4,
      reason: '429 throttled',
      further: [told],
    }),
  ]);
  const path = 'AuditEvent/$user-activity-report?user=Practitioner/hostile&end=2025-05-03';
  const parts = await parametersOf(path, east);
  expect(groups(parts, 'day').map((day) => [one(day, 'date'), one(day, 'count')])).toEqual([
    ['2025-05-01', 1],
    ['2025-05-02', 1],
    ['2025-05-03', 1],
  ]);
  expect(groups(parts, 'refusal').map((line) => [one(line, 'reason'), one(line, 'count'), one(line, 'more')])).toEqual([
    ['429 throttled', 1, 250],
  ]);
  // The end of a day there is 21:00 UTC.
  expect(one(await parametersOf(path.replace('05-03', '05-01'), east), 'events')).toBe(1);
  expect((await ask(path, { accept: 'text/html' }, east)).text).toContain('Asia/Riyadh');
});

describe('much of everything', () => {
  const heavy = { subject: 'u-heavy', client: 'portal', roles: ['reception'] };
  const ids = Array.from({ length: 1_500 }, (_, i) => `many-${String(i).padStart(5, '0')}`);

  beforeAll(async () => {
    const given = ids.map((id, i) =>
      seen(id, { agent: heavy, at: new Date(Date.parse('2025-05-10T00:00:00Z') + i).toISOString() }),
    );
    await putEvents(lab.tenant.id, given);
    // One patient with 2,500 records, 50 in each event.
    await putEvents(
      lab.tenant.id,
      Array.from({ length: 50 }, (_, i) =>
        seen('big', {
          agent: heavy,
          kind: 'search-type',
          touched: Array.from({ length: 50 }, (__, j) => ({
            type: 'Observation',
            id: `big-${i * 50 + j}`,
            version: 1,
          })),
        }),
      ),
    );
  }, 60_000);

  test('pages of patients lead to all of them, once each', async () => {
    const listed: string[] = [];
    let path: string | undefined = `AuditEvent/$user-activity-report?user=u-heavy&${period}&_count=400`;
    while (path !== undefined) {
      const parts = await parametersOf(path);
      expect(one(parts, 'patients')).toBe(1_501);
      listed.push(...groups(parts, 'patient').map((line) => (one(line, 'patient') as { reference: string }).reference));
      path = (one(parts, 'next') as string | undefined)?.slice(officer.base.length + 1);
    }
    expect(listed).toEqual(['big', ...ids].map((id) => `Patient/${id}`));
  });

  test('a page says that it does not list all', async () => {
    const { text } = await ask(`AuditEvent/$user-activity-report?user=u-heavy&${period}&_count=10`, {
      accept: 'text/html',
    });
    expect(text).toContain('10 of 1,501 patients are listed');
    const csv = await ask(`AuditEvent/$user-activity-report?user=u-heavy&${period}&_count=10&_format=csv`);
    expect(csv.text).toContain('10 of 1501 listed');
  });

  test('a patient with many records: all are counted, 50 named', async () => {
    const parts = await parametersOf(`Patient/big/$access-report?${period}`);
    const [line = []] = groups(parts, 'access');
    const [what = []] = groups(line, 'seen');
    expect([one(line, 'count'), one(what, 'count'), what.filter(({ name }) => name === 'resource').length]).toEqual([
      50, 2_500, 50,
    ]);
  });

  test('the list names every record, in lines that are not endless', async () => {
    const { text } = await ask(`AuditEvent/$breach-report?user=u-heavy&${period}&_format=ndjson`);
    const lines = text
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { parameter: Part[] }).parameter);
    const big = lines.filter((line) => JSON.stringify(one(line, 'patient')).includes('Patient/big'));
    expect(big.map((line) => groups(line, 'record').length)).toEqual([1_000, 1_000, 500]);
    expect(lines.length).toBe(3 + ids.length);
  });

  test('a reader who goes away leaves nothing behind', async () => {
    for (let i = 0; i < 20; i++) {
      const controller = new AbortController();
      const response = await officer.fetch(`AuditEvent/$breach-report?user=u-heavy&${period}&_format=csv`, {
        signal: controller.signal,
      });
      controller.abort();
      await response.text().catch(() => undefined);
    }
    expect((await ask(access)).status).toBe(200);
  });
});

test.each([
  [access, '$access-report', ['p1'], 0],
  [`${access}&_format=csv`, '$access-report', ['p1'], 0],
  [activity, '$user-activity-report', ['p1', 'p2'], 0],
  [`${breach}&_format=ndjson`, '$breach-report', [], 0],
  ['Patient/p1/$access-report?start=no', '$access-report', ['p1'], 4],
])('%s leaves one event', async (path, deed, patients, outcome) => {
  const requestId = `report-${Math.random()}`;
  await ask(path, { 'x-request-id': requestId });
  const { id } = lab.tenant;
  const rows = await testDatabase().query<EventRow>(
    id,
    sql`select ${eventColumns} from audit_event e join audit_agent a on a.tenant_id = e.tenant_id and a.agent = e.agent
      where e.tenant_id = ${id} and e.request = ${requestId}`,
  );
  const [record, second] = rows.map(recordFromRow);
  expect(second).toBeUndefined();
  expect(record).toMatchObject({ kind: 'operation', deed, outcome });
  expect([...(record?.patients ?? [])].sort()).toEqual(patients);
  expect(record?.query).toContain(path.slice(path.indexOf('?') + 1).slice(0, 20));
});

test('what was forbidden is an alert with the patient', async () => {
  const as = await signIn(lab.tenant, 'user/Patient.rs', 'curious');
  const requestId = 'report-forbidden';
  expect((await ask(access, { 'x-request-id': requestId }, as)).status).toBe(403);
  const { id } = lab.tenant;
  const rows = await testDatabase().query<EventRow>(
    id,
    sql`select ${eventColumns} from audit_event e join audit_agent a on a.tenant_id = e.tenant_id and a.agent = e.agent
      where e.tenant_id = ${id} and e.request = ${requestId}`,
  );
  expect(rows.map(recordFromRow)).toMatchObject([{ kind: 'access-denied', deed: '$access-report', patients: ['p1'] }]);
});
