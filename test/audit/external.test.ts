/**
 * Events of other systems (IHE ITI-20, FHIR feed): who may bring them, that they are kept as they were sent, recognised
 * when they are sent again, found by each parameter, and sealed with the rest.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { externalTag, sentExtension } from '../../src/audit/external.ts';
import { signingKeyOf } from '../../src/identity/token.ts';
import { readConfig } from '../../src/config.ts';
import { sealNext } from '../../src/sealing/sealer.ts';
import { makeLaboratory, signIn, testDatabase, testServer, type Laboratory } from '../server.ts';
import { tamper } from './owner.ts';

type Json = Record<string, unknown>;

const fhir = { 'content-type': 'application/fhir+json' };

async function post(as: Laboratory, path: string, body: unknown, headers: Record<string, string> = fhir) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const response = await as.fetch(path, { method: 'POST', headers, body: text });
  const answer = await response.text();
  return {
    status: response.status,
    text: answer,
    id: /AuditEvent\/([^/]+)\/_history\/1$/.exec(response.headers.get('location') ?? '')?.[1] ?? '',
    body: (answer === '' ? {} : JSON.parse(answer)) as Json,
  };
}

const dicom = 'http://dicom.nema.org/resources/ontology/DCM';
const types = 'http://terminology.hl7.org/CodeSystem/audit-entity-type';
const roles = 'http://terminology.hl7.org/CodeSystem/object-role';

const viewed: Json = {
  resourceType: 'AuditEvent',
  type: { system: dicom, code: '110103', display: 'DICOM Instances Accessed' },
  subtype: [{ system: 'urn:ihe:event-type-code', code: 'RAD-16' }],
  action: 'R',
  recorded: '2025-03-01T10:00:00.123456+03:00',
  outcome: '4',
  purposeOfEvent: [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActReason', code: 'TREAT' }] }],
  agent: [
    {
      who: { reference: 'Practitioner/radiologist', identifier: { system: 'urn:staff', value: 'r-7' } },
      altId: 'rad7',
      name: 'Zoë Farès',
      role: [{ coding: [{ system: 'urn:roles', code: 'radiologist' }] }],
      policy: ['http://example.org/policy/imaging'],
      network: { address: '192.0.2.33', type: '2' },
      requestor: true,
    },
  ],
  source: { site: 'pacs-site', observer: { reference: 'https://pacs.example.org/fhir/Device/pacs' } },
  entity: [
    {
      what: { reference: 'ImagingStudy/study-1/_history/2', identifier: { system: 'urn:study', value: '1.2.3' } },
      type: { system: types, code: '2' },
      role: { system: roles, code: '3' },
      name: 'CT of the head',
    },
    { what: { reference: 'Patient/p1' }, type: { system: types, code: '1' }, role: { system: roles, code: '1' } },
  ],
};
const exported: Json = {
  resourceType: 'AuditEvent',
  type: { system: dicom, code: '110106' },
  action: 'E',
  recorded: '2025-03-02T10:00:00Z',
  agent: [{ requestor: true, who: { display: 'somebody' } }],
  source: { observer: { display: 'hospital' } },
  entity: [{ what: { reference: 'Patient/p1' } }, { what: { reference: 'Patient/p2' } }],
};
const bare: Json = {
  resourceType: 'AuditEvent',
  type: { system: dicom, code: '110120' },
  recorded: '2025-03-03T10:00:00Z',
  agent: [{ requestor: false }],
  source: { observer: { display: 'hospital' } },
};

/** Outside of the month of those. */
const later = { ...bare, recorded: '2025-08-01T10:00:00Z' };

let lab: Laboratory;
let feed: Laboratory;
let other: Laboratory;
const names = new Map<string, string>();

beforeAll(async () => {
  [lab, other] = [await makeLaboratory(), await makeLaboratory()];
  feed = await signIn(lab.tenant, 'system/AuditEvent.c', 'pacs');
  const patient = { resourceType: 'Patient', id: 'p1', identifier: [{ system: 'urn:mrn', value: '1' }] };
  await lab.fetch('Patient/p1', { method: 'PUT', headers: fhir, body: JSON.stringify(patient) });
  for (const [name, event] of Object.entries({ viewed, exported, bare })) {
    const { status, id } = await post(feed, 'AuditEvent', event);
    expect(status).toBe(201);
    names.set(id, name);
  }
}, 60_000);

describe('who may bring events', () => {
  test.each([
    ['system/AuditEvent.c', 201],
    ['system/AuditEvent.crs', 201],
    ['system/*.cruds', 405],
    ['system/AuditEvent.c?action=R', 405],
    ['system/AuditEvent.rs', 403],
    ['system/Patient.cruds', 403],
  ])('%s: %i, and what was refused is an event too', async (scopes, status) => {
    const as = await signIn(lab.tenant, scopes, 'caller');
    const requestId = `who-${scopes.replaceAll(/\W/g, '-')}`;
    const answer = await post(as, 'AuditEvent', later, { ...fhir, 'x-request-id': requestId });
    expect(answer.status).toBe(status);
    const found = await (await lab.fetch(`AuditEvent?entity:identifier=${requestId}`)).json();
    expect((found as { entry: { resource: Json }[] }).entry.map(({ resource }) => resource)).toMatchObject([
      status === 403
        ? { outcome: '8', subtype: [{ code: '110132' }, { code: 'create' }] }
        : {
            outcome: status === 201 ? '0' : '4',
            subtype: [{ code: 'create' }],
            ...(status === 201 && { entity: [{ what: { reference: `AuditEvent/${answer.id}/_history/1` } }, {}] }),
          },
    ]);
  });

  test('nobody changes what was brought', async () => {
    const [id] = [...names.keys()];
    const all = await signIn(lab.tenant, 'system/AuditEvent.cruds', 'pacs');
    expect((await all.fetch(`AuditEvent/${id}`, { method: 'DELETE' })).status).toBe(405);
    const put = { method: 'PUT', headers: fhir, body: JSON.stringify({ ...viewed, id }) };
    expect((await all.fetch(`AuditEvent/${id}`, put)).status).toBe(405);
    expect((await post(all, 'AuditEvent', viewed, { ...fhir, 'if-none-exist': 'action=R' })).status).toBe(400);
    const entry = { request: { method: 'POST', url: 'AuditEvent' }, resource: viewed };
    const transaction = await post(all, '', { resourceType: 'Bundle', type: 'transaction', entry: [entry] });
    expect(transaction).toMatchObject({ status: 400, text: expect.stringContaining('batch') });
  });

  test('the other laboratory sees none of it', async () => {
    const [id] = [...names.keys()];
    expect((await other.fetch(`AuditEvent/${id}`)).status).toBe(404);
    expect(await (await other.fetch('AuditEvent?patient=p1&_total=accurate')).json()).toMatchObject({ total: 0 });
  });
});

describe('as it was sent', () => {
  const text = `{"resourceType":"AuditEvent","id":"their-1","meta":{"versionId":"7","source":"urn:pacs","tag":[{"code":"t"}]},
    "extension":[{"url":"http://example.org/dose","valueDecimal":1.00},{"url":"http://example.org/e","valueDecimal":1e2},
      {"url":"http://example.org/long","valueDecimal":0.123456789012345678901234567890}],
    "type":{"code":"x"},"recorded":"2025-04-01T10:00:00.000+03:00","agent":[{"requestor":true,"name":"ليلى"}],
    "source":{"observer":{"display":"PACS"}}}`;

  test('numbers by their digits, extensions, source and time; ours are the id and a mark', async () => {
    const { status, id, text: created } = await post(feed, 'AuditEvent', text);
    expect(status).toBe(201);
    const response = await lab.fetch(`AuditEvent/${id}`);
    const read = await response.text();
    expect(read).toBe(created);
    for (const digits of ['1.00', '1e2', '0.123456789012345678901234567890']) expect(read).toContain(`:${digits}`);
    const event = JSON.parse(read) as Json & { extension: Json[]; meta: Json };
    expect(event).toMatchObject({
      id,
      recorded: '2025-04-01T10:00:00.000+03:00',
      agent: [{ requestor: true, name: 'ليلى' }],
      source: { observer: { display: 'PACS' } },
      meta: { source: 'urn:pacs', tag: [{ code: 't' }, externalTag] },
    });
    expect(event.meta['versionId']).toBeUndefined();
    expect(Date.parse(String(event.meta['lastUpdated']))).toBeGreaterThan(Date.now() - 60_000);
    expect(event.extension.at(-1)).toMatchObject({
      url: sentExtension,
      extension: [{ url: 'id', valueString: 'their-1' }, { url: 'sha256' }],
    });
  });

  test('in XML, without a source of its own: the application that brought it', async () => {
    const xml = `<AuditEvent xmlns="http://hl7.org/fhir"><type><code value="x"/></type><recorded value="2025-04-02T10:00:00Z"/>
      <agent><requestor value="true"/></agent><source><observer><display value="PACS"/></observer></source></AuditEvent>`;
    const { status, id } = await post(feed, 'AuditEvent', xml, {
      'content-type': 'application/fhir+xml',
      accept: 'application/fhir+json',
    });
    expect(status).toBe(201);
    const event = await (await lab.fetch(`AuditEvent/${id}`)).json();
    expect(event).toMatchObject({ meta: { source: expect.stringMatching(/^urn:makhbar:client:/) } });
  });
});

describe('sent again', () => {
  async function count(recorded: string): Promise<number> {
    const answer = await (await lab.fetch(`AuditEvent?date=${recorded}&_summary=count`)).json();
    return (answer as { total: number }).total;
  }

  test('an event with an id is one, also when it comes many times at once; with other content it is another', async () => {
    const event = { ...bare, id: 'again-1', recorded: '2025-05-01T10:00:00Z' };
    const answers = await Promise.all(Array.from({ length: 6 }, () => post(feed, 'AuditEvent', event)));
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 200, 200, 200, 200, 201]);
    expect(new Set(answers.map(({ id }) => id)).size).toBe(1);
    expect(await count('2025-05-01')).toBe(1);
    expect((await post(feed, 'AuditEvent', { ...event, outcome: '8' })).status).toBe(201);
    expect(await count('2025-05-01')).toBe(2);
    const another = await signIn(lab.tenant, 'system/AuditEvent.c', 'ehr');
    expect((await post(another, 'AuditEvent', event)).status).toBe(201);
  });

  test('in a batch by the fullUrl; without an identifier each is an event', async () => {
    const resource = { ...bare, recorded: '2025-05-02T10:00:00Z' };
    const request = { method: 'POST', url: 'AuditEvent' };
    const fullUrl = 'urn:uuid:0b0f8a44-2f0e-4c9e-9a53-1a1a1a1a1a1b';
    const broken = { ...resource, recorded: 'yesterday' };
    const bundle = {
      resourceType: 'Bundle',
      type: 'batch',
      entry: [
        { fullUrl, resource, request },
        { resource, request },
        { resource: broken, request },
      ],
    };
    const statuses = async (): Promise<string[]> => {
      const { status, body } = await post(feed, '', bundle);
      expect(status).toBe(200);
      return (body['entry'] as { response: { status: string } }[]).map(({ response }) => response.status.slice(0, 3));
    };
    expect(await statuses()).toEqual(['201', '201', '422']);
    expect(await statuses()).toEqual(['200', '201', '422']);
    expect(await count('2025-05-02')).toBe(3);
  });
});

describe('found by', () => {
  const march = 'date=ge2025-03-01&date=lt2025-04-01';
  const all = ['viewed', 'exported', 'bare'];

  async function found(query: string, as = lab): Promise<string[]> {
    const response = await as.fetch(`AuditEvent?${encodeURI(query)}&${march}&_sort=date`);
    const body = (await response.json()) as { entry?: { resource: { id: string } }[] };
    expect({ status: response.status, body: response.status === 200 ? '' : body }).toEqual({ status: 200, body: '' });
    return (body.entry ?? []).map(({ resource }) => names.get(resource.id) ?? resource.id);
  }

  test.each<[string, string[]]>([
    ['', all],
    ['action=R', ['viewed']],
    ['action:not=R', ['exported', 'bare']],
    ['action:missing=true', ['bare']],
    ['address=192.0.2', ['viewed']],
    ['address:missing=true', ['exported', 'bare']],
    ['agent=Practitioner/radiologist', ['viewed']],
    ['agent=radiologist', ['viewed']],
    ['agent:identifier=urn:staff|r-7', ['viewed']],
    ['agent=Practitioner/other', []],
    ['agent:missing=true', ['exported', 'bare']],
    ['agent-name=zoe', ['viewed']],
    ['agent-name:contains=fares', ['viewed']],
    ['agent-name:exact=Zoë Farès', ['viewed']],
    ['agent-role=radiologist', ['viewed']],
    ['agent-role=urn:roles|radiologist', ['viewed']],
    ['agent-role:not=radiologist', ['exported', 'bare']],
    ['altid=rad7', ['viewed']],
    ['date=2025-03-01', ['viewed']],
    ['date=gt2025-03-01', ['exported', 'bare']],
    ['entity=ImagingStudy/study-1', ['viewed']],
    ['entity=ImagingStudy/study-1/_history/2', ['viewed']],
    ['entity=study-1', ['viewed']],
    ['entity=Patient/p1', ['viewed', 'exported']],
    ['entity:identifier=1.2.3', ['viewed']],
    ['entity-name=ct of', ['viewed']],
    ['entity-role=3', ['viewed']],
    [`entity-role=${roles}|`, ['viewed']],
    [`entity-type=${types}|1`, ['viewed']],
    ['outcome=4', ['viewed']],
    ['outcome:missing=true', ['exported', 'bare']],
    ['patient=p1', ['viewed', 'exported']],
    ['patient=Patient/p2', ['exported']],
    ['patient=p1,p2', ['viewed', 'exported']],
    ['patient:missing=true', ['bare']],
    ['policy=http://example.org/policy/imaging', ['viewed']],
    ['policy:below=http://example.org/policy', ['viewed']],
    ['site=pacs-site', ['viewed']],
    ['source=https://pacs.example.org/fhir/Device/pacs', ['viewed']],
    ['subtype=RAD-16', ['viewed']],
    ['type=110106', ['exported']],
    [`type=${dicom}|110106,${dicom}|110120`, ['exported', 'bare']],
    ['patient=p1&action=E', ['exported']],
    ['agent=Practitioner/radiologist&patient=p2', []],
    ['_lastUpdated=lt2025-12-31', []],
    ['patient=p1,a,b,c,d,e', ['viewed', 'exported']],
    ['patient.identifier=urn:mrn|1', ['viewed', 'exported']],
    ['purpose-of-use=TREAT', ['viewed']],
    ['purpose-of-use:missing=true', ['exported', 'bare']],
    ['client=urn:staff|r-7', ['viewed']],
    ['request-id=r-7', []],
    ['break-glass=false', all],
    ['break-glass=true', []],
    ['_filter=outcome eq 4 or type eq 110120', ['viewed', 'bare']],
  ])('%s', async (query, expected) => {
    expect(await found(query)).toEqual(expected);
  });

  test('its patient only, for a caller who may see no more', async () => {
    const patient = await signIn(lab.tenant, 'patient/AuditEvent.rs', 'p', { patient: 'p2' });
    expect(await found('', patient)).toEqual(['exported']);
    const [seen, hidden] = ['exported', 'viewed'].map((name) => [...names].find(([, one]) => one === name)?.[0]);
    expect((await patient.fetch(`AuditEvent/${seen}`)).status).toBe(200);
    expect((await patient.fetch(`AuditEvent/${hidden}`)).status).toBe(404);
    const filtered = await signIn(lab.tenant, 'system/AuditEvent.rs?action=R', 'f');
    expect(await found('', filtered)).toEqual(['viewed']);
  });

  test('own events and those of others on the same pages, each once', async () => {
    const mixed = await makeLaboratory();
    const bringing = await signIn(mixed.tenant, 'system/AuditEvent.c', 'pacs');
    for (let i = 0; i < 4; i++) {
      await mixed.fetch('Patient/p1');
      await post(bringing, 'AuditEvent', { ...viewed, recorded: new Date().toISOString() });
    }
    const seen: string[] = [];
    let next: string | undefined = `AuditEvent?patient=p1&_count=3&date=ge2026-01-01`;
    while (next !== undefined) {
      const body = (await (await mixed.fetch(next)).json()) as {
        entry?: { resource: { id: string } }[];
        link: { relation: string; url: string }[];
      };
      seen.push(...(body.entry ?? []).map(({ resource }) => resource.id));
      next = body.link.find(({ relation }) => relation === 'next')?.url.slice(mixed.base.length + 1);
    }
    expect(new Set(seen).size).toBe(seen.length);
    // Its own searches are about the patient too.
    expect(seen.length).toBeGreaterThanOrEqual(8);
  });
});

test('the report on a patient names who saw him elsewhere, with the application that told it', async () => {
  const report = await (await lab.fetch('Patient/p1/$access-report?start=2020-01-01')).text();
  expect(report).toContain('Zoë Farès');
  const lines = (JSON.parse(report) as { parameter: { name: string; part?: Json[] }[] }).parameter
    .filter(({ name }) => name === 'access')
    .map(({ part }) => JSON.stringify(part));
  const [line = ''] = lines.filter((text) => text.includes('Zoë Farès'));
  expect(line).toContain('TREAT');
  expect(line).toContain('|rad7');
});

describe('hostile bodies', () => {
  test.each<[string, string, number]>([
    ['too long', JSON.stringify({ ...bare, outcomeDesc: 'x'.repeat(70_000) }), 413],
    ['another type', '{"resourceType":"Patient"}', 400],
    ['no JSON', '{"resourceType":', 400],
    ['half of a surrogate pair', JSON.stringify({ ...bare, outcomeDesc: '@' }).replace('@', '\\ud800'), 400],
    ['U+0000', JSON.stringify({ ...bare, outcomeDesc: '\0' }), 400],
    ['an unknown element', JSON.stringify({ ...bare, surprise: true }), 400],
    ['no agent', JSON.stringify({ ...bare, agent: undefined }), 422],
    ['an agent that is none', JSON.stringify({ ...bare, agent: [null] }), 400],
    ['an entity that is text', JSON.stringify({ ...bare, entity: ['x'] }), 400],
    ['terms of its own', JSON.stringify({ ...bare, entity: [{ what: 'Patient/p1' }] }), 400],
  ])('%s is refused', async (_, body, status) => {
    const answer = await post(feed, 'AuditEvent', body);
    expect(answer.status).toBe(status);
    expect(answer.body['resourceType']).toBe('OperationOutcome');
  });

  test('texts that look like SQL or JSON stay texts, and a great number disturbs no search', async () => {
    const name = `'); drop table audit_event; -- {"terms":{}} \\ %_`;
    const text = JSON.stringify({
      ...bare,
      recorded: '2025-06-01T10:00:00Z',
      agent: [{ requestor: true, name }],
      extension: [{ url: 'http://example.org/n', valueDecimal: 1 }],
    }).replace('"valueDecimal":1', '"valueDecimal":1e300');
    const { status, id } = await post(feed, 'AuditEvent', text);
    expect(status).toBe(201);
    const response = await lab.fetch(
      `AuditEvent?agent-name:exact=${encodeURIComponent(name.replaceAll('\\', '\\\\'))}`,
    );
    expect(
      ((await response.json()) as { entry: { resource: Json }[] }).entry.map(({ resource }) => resource['id']),
    ).toEqual([id]);
  });
});

describe('sealed with the rest', () => {
  const keyEncryptionKey = (): Buffer => readConfig({ DATA_DIR: testServer().dataDir }).keyEncryptionKey();

  async function seal(one: Laboratory): Promise<void> {
    const database = testDatabase();
    const signingKey = () => signingKeyOf({ database, keyEncryptionKey: keyEncryptionKey() }, one.tenant);
    for (let end = Date.now() + 120_000; Date.now() < end;) {
      await sealNext({ database, signingKey, now: Date.now }, one.tenant);
      const { parameter } = (await (await one.fetch('AuditEvent/$verify')).json()) as { parameter: Json[] };
      // The request itself comes after what it verified.
      if (parameter.some(({ name, valueUnsignedInt }) => name === 'open' && Number(valueUnsignedInt) <= 1)) return;
    }
  }

  async function finding(one: Laboratory): Promise<Json | undefined> {
    const { parameter } = (await (await one.fetch('AuditEvent/$verify')).json()) as { parameter: Json[] };
    return parameter.find(({ name }) => name === 'finding');
  }

  test('a proof holds without the server; a changed digit is found', async () => {
    const mine = await makeLaboratory();
    const bringing = await signIn(mine.tenant, 'system/AuditEvent.c', 'pacs');
    const body = JSON.stringify({ ...viewed, extension: [{ url: 'http://example.org/n', valueDecimal: 7 }] });
    const { id } = await post(bringing, 'AuditEvent', body.replace('"valueDecimal":7', '"valueDecimal":7.00'));
    await seal(mine);
    expect(await finding(mine)).toBeUndefined();
    const folder = await mkdtemp(join(tmpdir(), 'makhbar-proof-'));
    try {
      await writeFile(join(folder, 'proof.json'), await (await mine.fetch(`AuditEvent/${id}/$proof`)).text());
      await writeFile(join(folder, 'event.json'), await (await mine.fetch(`AuditEvent/${id}`)).text());
      const script = new URL('../../conformance/verify-proof.js', import.meta.url).pathname;
      const given = [script, join(folder, 'proof.json'), '--event', join(folder, 'event.json')];
      const { stdout } = await promisify(execFile)(process.execPath, given);
      expect(stdout).toContain(id);
    } finally {
      await rm(folder, { recursive: true });
    }
    await tamper(
      `update audit_event set detail = jsonb_set(detail, '{sent}', to_jsonb(replace(detail ->> 'sent', '7.00', '7.0')))
        where tenant_id = $1 and id = $2`,
      mine.tenant.id,
      id,
    );
    expect(JSON.stringify(await finding(mine))).toContain(`AuditEvent/${id} was altered`);
    for (const broken of ['"{"', '7', 'null', '"[]"', '{"a":1}']) {
      await tamper(
        `update audit_event set detail = jsonb_set(detail, '{sent}', $3::jsonb) where tenant_id = $1 and id = $2`,
        mine.tenant.id,
        id,
        broken,
      );
      expect([broken, JSON.stringify(await finding(mine))]).toEqual([
        broken,
        expect.stringContaining(`AuditEvent/${id} was altered`),
      ]);
    }
  }, 40_000);
});
