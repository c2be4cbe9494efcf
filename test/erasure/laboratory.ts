/** What the tests of erasure and restriction share: an officer, a patient with everything that can hang on one, a search of the whole database. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll } from '@jest/globals';
import pg from 'pg';
import { secondFactorAcr } from '../../src/access/authentication.ts';
import type { Tenant } from '../../src/store/tenants.ts';
import { signIn, testServer, type Laboratory } from '../server.ts';

export type Json = Record<string, unknown>;

export const headers = { 'content-type': 'application/fhir+json' };

/** Who may restrict and erase, with a second factor shown so many seconds ago. */
export function officer(tenant: Tenant, age = 0, scopes = 'user/*.cruds manage/privacy'): Promise<Laboratory> {
  return signIn(tenant, scopes, 'officer', {
    roles: ['data-protection-officer'],
    clearance: 'all',
    consent: 'exempt',
    acr: secondFactorAcr,
    authTime: Math.floor(Date.now() / 1000) - age,
  });
}

/** @throws Error with the answer where it is refused. */
export async function send(lab: Laboratory, method: string, path: string, body?: Json): Promise<Json> {
  const answer = await lab.fetch(path, { method, headers, ...(body && { body: JSON.stringify(body) }) });
  const text = await answer.text();
  if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
  return text === '' ? {} : (JSON.parse(text) as Json);
}

export function put(lab: Laboratory, resource: Json): Promise<Json> {
  return send(lab, 'PUT', `${String(resource['resourceType'])}/${String(resource['id'])}`, resource);
}

export function parameters(values: Readonly<Record<string, string | boolean | readonly string[]>>): Json {
  const parameter = Object.entries(values).flatMap(([name, value]) =>
    (Array.isArray(value) ? (value as string[]) : [value]).map((one) =>
      typeof one === 'boolean' ? { name, valueBoolean: one } : { name, valueString: one as string },
    ),
  );
  return { resourceType: 'Parameters', parameter };
}

/** `{ Observation: 2 }` of the parts of that name in the answer of $erase. */
export function countsOf(answer: Json, name: string): Record<string, number> {
  const parts = (answer['parameter'] as { name: string; part: Json[] }[]).filter((one) => one.name === name);
  return Object.fromEntries(
    parts.map(({ part }) => [
      String(part.find((one) => one['name'] === 'type')?.['valueCode']),
      Number(part.find((one) => one['name'] === 'count')?.['valueInteger']),
    ]),
  );
}

export function valueOf(answer: Json, name: string): unknown {
  const found = (answer['parameter'] as Json[]).find((one) => one['name'] === name) ?? {};
  return Object.entries(found).find(([key]) => key.startsWith('value'))?.[1];
}

let superuser: pg.Client | undefined;
afterAll(() => superuser?.end());

/** The database without row level security. */
export async function database(): Promise<pg.Client> {
  if (superuser !== undefined) return superuser;
  const { dataDir, databaseUrl } = testServer();
  const passwords = JSON.parse(readFileSync(join(dataDir, 'postgresql.passwords.json'), 'utf8')) as {
    superuser: string;
  };
  const { host, pathname } = new URL(databaseUrl);
  superuser = new pg.Client(`postgres://postgres:${passwords.superuser}@${host}${pathname}`);
  await superuser.connect();
  return superuser;
}

/** Tables of laboratories, partitions as the table that they are of. */
export async function tenantTables(): Promise<string[]> {
  const { rows } = await (
    await database()
  ).query<{ name: string }>(`
    select c.relname as name from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id'
    where c.relkind in ('r', 'p') and not c.relispartition and c.relnamespace = 'public'::regnamespace order by 1`);
  return rows.map(({ name }) => name);
}

/** Which of the texts, in any case of letters, stand in any column of which tables of a laboratory. */
export async function whereIs(tenant: Tenant, texts: readonly string[]): Promise<Record<string, string[]>> {
  const client = await database();
  const found: Record<string, string[]> = {};
  for (const table of await tenantTables()) {
    const { rows } = await client.query<{ text: string }>(
      `select w.text from unnest($2::text[]) w(text)
       where exists (select from ${table} t where t.tenant_id = $1 and position(lower(w.text) in lower(t::text)) > 0)`,
      [tenant.id, texts],
    );
    if (rows.length > 0) found[table] = rows.map(({ text }) => text).sort();
  }
  return found;
}

const p = { reference: 'Patient/pat-one' };
const q = { reference: 'Patient/pat-two' };
const code = { coding: [{ system: 'http://loinc.org', code: '2345-7' }] };

function observation(id: string, subject: Json, more: Json = {}): Json {
  return { resourceType: 'Observation', id, status: 'final', code, subject, effectiveDateTime: '2026-01-10', ...more };
}

function file(id: string, text: string, more: Json = {}): Json {
  return { resourceType: 'Binary', id, contentType: 'text/plain', data: Buffer.from(text).toString('base64'), ...more };
}

function document(id: string, subject: Json, url: string): Json {
  return {
    resourceType: 'DocumentReference',
    id,
    status: 'current',
    subject,
    content: [{ attachment: { contentType: 'text/plain', url } }],
  };
}

/** Texts that stand nowhere but in what belongs to the patient alone. */
export const secrets = [
  'Quintessa',
  'Zephyrine',
  'MRN-778899',
  '+999-555-0101',
  'marigold note',
  'obsidian older note',
  'cobalt deleted note',
  'vermilion moved note',
  'saffron contained note',
  'indigo logical note',
  'umber report',
  'sepia bundle note',
  'teal relative',
  'coral emergency',
  'ochre launch',
  'quinces-account',
];

/** Ids of what must go. */
export const going = [
  'Patient/pat-one',
  'Observation/o-now',
  'Observation/o-held',
  'Observation/o-gone',
  'Observation/o-logical',
  'DiagnosticReport/report',
  'DocumentReference/doc-one',
  'DocumentReference/doc-shared-one',
  'Binary/file-one',
  'Binary/file-report',
  'Binary/file-secure',
  'Appointment/visit',
  'Provenance/prov-one',
  'RelatedPerson/relative',
  'Consent/consent-one',
  'Bundle/bundle-one',
  'Task/review-one',
];

/** A laboratory's worth of a patient, of another one, and of what is about both. */
export async function fill(lab: Laboratory): Promise<void> {
  const patient: Json = {
    resourceType: 'Patient',
    id: 'pat-one',
    name: [{ family: 'Quintessa', given: ['Zephyrine'] }],
  };
  await put(lab, patient);
  await put(lab, {
    ...patient,
    identifier: [{ system: 'https://example.org/mrn', value: 'MRN-778899' }],
    telecom: [{ system: 'phone', value: '+999-555-0101' }],
  });
  await put(lab, {
    resourceType: 'Patient',
    id: 'pat-two',
    name: [{ family: 'Other' }],
    link: [{ other: p, type: 'seealso' }],
  });
  await put(lab, observation('o-now', p, { note: [{ text: 'obsidian older note' }] }));
  await put(lab, observation('o-now', p, { note: [{ text: 'marigold note' }] }));
  await put(
    lab,
    observation('o-held', p, {
      specimen: { reference: '#s' },
      contained: [{ resourceType: 'Specimen', id: 's', subject: p, note: [{ text: 'saffron contained note' }] }],
    }),
  );
  await put(lab, observation('o-gone', p, { note: [{ text: 'cobalt deleted note' }] }));
  await send(lab, 'DELETE', 'Observation/o-gone');
  await put(lab, observation('o-moved', p, { note: [{ text: 'vermilion moved note' }] }));
  await put(lab, observation('o-moved', q));
  await put(
    lab,
    observation(
      'o-logical',
      { identifier: { system: 'https://example.org/mrn', value: 'MRN-778899' } },
      {
        note: [{ text: 'indigo logical note' }],
      },
    ),
  );
  await put(lab, observation('o-other', q, { note: [{ text: 'another person' }] }));
  await lab.fetch('Binary/file-one', { method: 'PUT', body: 'raw scan', headers: { 'content-type': 'text/plain' } });
  await put(lab, file('file-report', 'the report'));
  await put(lab, file('file-shared', 'shared'));
  await put(lab, file('file-secure', 'secure', { securityContext: p }));
  await put(lab, document('doc-one', p, 'Binary/file-one'));
  await put(lab, document('doc-shared-one', p, `${lab.base}/Binary/file-shared`));
  await put(lab, document('doc-shared-two', q, 'Binary/file-shared'));
  await put(lab, {
    resourceType: 'DiagnosticReport',
    id: 'report',
    status: 'final',
    code,
    subject: p,
    conclusion: 'umber report',
    presentedForm: [{ contentType: 'text/plain', url: 'Binary/file-report' }],
  });
  await put(lab, {
    resourceType: 'Group',
    id: 'cohort',
    type: 'person',
    actual: true,
    member: [{ entity: p }, { entity: q }],
  });
  await put(lab, {
    resourceType: 'List',
    id: 'worklist',
    status: 'current',
    mode: 'working',
    entry: [{ item: { reference: 'Observation/o-now' } }, { item: { reference: 'Observation/o-other' } }],
  });
  await put(lab, {
    resourceType: 'Appointment',
    id: 'visit',
    status: 'proposed',
    participant: [{ actor: p, status: 'accepted' }],
  });
  const provenance = {
    resourceType: 'Provenance',
    recorded: '2026-01-10T08:00:00Z',
    agent: [{ who: { display: 'A' } }],
  };
  await put(lab, { ...provenance, id: 'prov-one', target: [{ reference: 'Observation/o-now' }] });
  await put(lab, {
    ...provenance,
    id: 'prov-both',
    target: [{ reference: 'Observation/o-now' }, { reference: 'Observation/o-other' }],
  });
  await put(lab, { resourceType: 'RelatedPerson', id: 'relative', patient: p, name: [{ text: 'teal relative' }] });
  await put(lab, {
    resourceType: 'Consent',
    id: 'consent-one',
    status: 'active',
    scope: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'patient-privacy' }] },
    category: [{ coding: [{ system: 'http://loinc.org', code: '59284-0' }] }],
    patient: p,
    dateTime: '2026-01-01',
    policyRule: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'OPTIN' }] },
    provision: { type: 'permit' },
  });
  const embedded = {
    fullUrl: 'https://example.org/Patient/pat-one',
    resource: { ...patient, name: [{ text: 'sepia bundle note' }] },
  };
  await put(lab, { resourceType: 'Bundle', id: 'bundle-one', type: 'collection', entry: [embedded] });
  await put(lab, {
    resourceType: 'Task',
    id: 'review-one',
    status: 'requested',
    intent: 'order',
    for: p,
    description: 'coral emergency',
    code: { coding: [{ system: 'urn:makhbar:task', code: 'break-glass-review' }] },
  });
  await leaveTraces(lab.tenant);
}

/** What signing in, launches, apps and emergencies leave. */
async function leaveTraces({ id }: Tenant): Promise<void> {
  const client = await database();
  const account = '00000000-0000-4000-8000-000000000001';
  const hash = Buffer.from(`${id}`.padStart(32, '0'));
  const statements: [string, unknown[]][] = [
    [
      `insert into account (tenant_id, account_id, username, display, email, fhir_user, created, created_by)
       values ($1, $2, 'quinces-account', 'Quintessa', 'quinces-account@example.org', 'Patient/pat-one', now(), 'operator')`,
      [id, account],
    ],
    [`insert into account_role values ($1, $2, 'patient', now(), 'operator')`, [id, account]],
    [
      `insert into openid_state (tenant_id, kind, id, payload, account_id, expires)
       values ($1, 'Session', $2, '{"login":"quinces-account"}', $3, now() + interval '1 day')`,
      [id, hash, account],
    ],
    [
      `insert into openid_state (tenant_id, kind, id, payload, context, expires)
       values ($1, 'Grant', $2, '{}', '{"launch":{"patient":"pat-one","note":"ochre launch"}}', now() + interval '1 day')`,
      [id, hash],
    ],
    [
      `insert into launch (tenant_id, id, made_by, context, expires)
       values ($1, $2, 'x', '{"patient":"pat-one","note":"ochre launch"}', now() + interval '1 day')`,
      [id, hash],
    ],
    [
      `insert into app_state (tenant_id, state_id, system, code, subject, content, made_by)
       values ($1, gen_random_uuid(), 'urn:app', 'x', 'Patient/pat-one', '{"note":"marigold note"}', 'x')`,
      [id],
    ],
    [
      `insert into break_glass (tenant_id, patient, subject, reason, until)
       values ($1, 'pat-one', 'doctor', 'coral emergency', now() + interval '1 hour')`,
      [id],
    ],
  ];
  for (const [text, values] of statements) await client.query(text, values);
}
