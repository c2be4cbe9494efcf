/**
 * The reports on the audit log: their numbers are those of a recount over the events that a search finds, for random
 * events; who may have them; what hostile input gets; and that each leaves its event.
 */
import { beforeAll, describe, expect, test } from '@jest/globals';
import type { KindName } from '../../src/audit/kinds.ts';
import type { Touched } from '../../src/audit/record.ts';
import { makeLaboratory, signIn, type Laboratory } from '../server.ts';
import { putEvents, type Given } from './log.ts';

type Json = Record<string, unknown>;

interface Part {
  readonly name: string;
  readonly part?: readonly Part[];
  readonly [value: string]: unknown;
}

const layla = { subject: 'user-layla', client: 'portal', roles: ['pathologist'], fhirUser: 'Practitioner/layla' };
const omar = {
  subject: 'user-omar',
  client: 'portal',
  roles: ['technician', 'reception'],
  fhirUser: 'Practitioner/omar',
};
const machine = { subject: 'analyser', client: 'analyser', roles: ['interface'] };
const agents = [layla, omar, machine];

/** Whose each resource of the test is; Practitioner/layla is nobody's. */
const owners: Readonly<Record<string, string>> = {
  'Patient/p1': 'p1',
  'Patient/p2': 'p2',
  'Patient/p3': 'p3',
  'Observation/o1': 'p1',
  'Observation/o2': 'p2',
  'Observation/o3': 'p3',
  'DiagnosticReport/d1': 'p1',
  'DiagnosticReport/d2': 'p2',
};
const resources = [...Object.keys(owners), 'Practitioner/layla'];

/** A pseudorandom sequence that is the same in each run. */
function sequence(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function randomEvents(count: number): Given[] {
  const next = sequence(7);
  const kinds: KindName[] = ['read', 'vread', 'update', 'search-type', 'operation', 'access-denied', 'sign-in'];
  return Array.from({ length: count }, (_, i): Given => {
    const kind = kinds[next(kinds.length)] ?? 'read';
    const chosen = new Set(
      Array.from({ length: kind === 'sign-in' ? 0 : 1 + next(kind === 'search-type' ? 4 : 1) }, () =>
        next(resources.length),
      ),
    );
    const touched = [...chosen].map((at): Touched => {
      const [type = '', id = ''] = (resources[at] ?? '').split('/');
      return { type, id, version: 1 };
    });
    const patients = [...new Set(touched.flatMap(({ type, id }) => owners[`${type}/${id}`] ?? []))];
    const failed = kind === 'access-denied' || next(8) === 0;
    return {
      at: new Date(Date.parse('2025-03-01T20:30:00Z') + i * 1_237_000).toISOString(),
      kind,
      agent: agents[next(agents.length)] ?? layla,
      outcome: failed ? 8 : 0,
      ...(failed && { reason: `403 forbidden: ${next(3)}` }),
      ...(kind === 'operation' && { deed: '$everything' }),
      address: `10.0.0.${1 + next(3)}`,
      purposes: [[], ['TREAT'], ['HOPERAT', 'BTG']][next(3)] ?? [],
      touched,
      patients,
    };
  });
}

const events = randomEvents(400);

let lab: Laboratory;
let other: Laboratory;
let officer: Laboratory;

const json = { 'content-type': 'application/fhir+json' };

async function put(at: Laboratory, resource: Json): Promise<void> {
  const path = `${String(resource['resourceType'])}/${String(resource['id'])}`;
  const response = await at.fetch(path, { method: 'PUT', body: JSON.stringify(resource), headers: json });
  expect({ path, status: response.status }).toEqual({ path, status: 201 });
}

const restricted = { security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code: 'R' }] };

async function fill(at: Laboratory): Promise<void> {
  for (const id of ['p1', 'p2', 'p3'])
    await put(at, { resourceType: 'Patient', id, name: [{ text: `Patient ${id}` }] });
  for (const [name, owner] of Object.entries(owners)) {
    const [resourceType = '', id = ''] = name.split('/');
    if (resourceType === 'Patient') continue;
    const meta = id === 'o2' ? { meta: restricted } : {};
    await put(at, {
      resourceType,
      id,
      ...meta,
      status: 'final',
      code: { text: 'x' },
      subject: { reference: `Patient/${owner}` },
    });
  }
  await put(at, { resourceType: 'Organization', id: 'ward', name: 'قسم الطوارئ' });
  await put(at, {
    resourceType: 'Practitioner',
    id: 'layla',
    name: [{ given: ['Layla'], family: '=HYPERLINK("x")<b>' }],
  });
  await put(at, { resourceType: 'Practitioner', id: 'omar', name: [{ text: '=cmd()|calc' }] });
  const reference = (name: string): Json => ({ reference: name });
  await put(at, {
    resourceType: 'PractitionerRole',
    id: 'r1',
    practitioner: reference('Practitioner/layla'),
    organization: reference('Organization/ward'),
  });
}

beforeAll(async () => {
  [lab, other] = [await makeLaboratory(), await makeLaboratory()];
  await fill(lab);
  await fill(other);
  await putEvents(lab.tenant.id, events);
  await putEvents(other.tenant.id, events.slice(0, 5));
  officer = await signIn(
    lab.tenant,
    'user/AuditEvent.rs user/Practitioner.rs user/PractitionerRole.rs user/Organization.rs',
    'officer',
  );
}, 60_000);

const period = 'start=2025-03-01&end=2025-12-31';

async function ask(
  path: string,
  as = officer,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: Json }> {
  const response = await as.fetch(path, { headers });
  return { status: response.status, body: (await response.json()) as Json };
}

async function report(path: string, as = officer): Promise<Part[]> {
  const { status, body } = await ask(path, as);
  expect({ path, status, wrong: status === 200 ? undefined : body }).toEqual({ path, status: 200, wrong: undefined });
  return (body['parameter'] ?? []) as Part[];
}

function valueOf(part: Part | undefined): unknown {
  const key = Object.keys(part ?? {}).find((name) => name.startsWith('value'));
  const value = key === undefined ? undefined : part?.[key];
  return typeof value === 'object' && value !== null ? ((value as Json)['reference'] ?? value) : value;
}

function one(parts: readonly Part[], name: string): unknown {
  return valueOf(parts.find((part) => part.name === name));
}

function many(parts: readonly Part[], name: string): unknown[] {
  return parts.filter((part) => part.name === name).map(valueOf);
}

function groups(parts: readonly Part[], name: string): (readonly Part[])[] {
  return parts.flatMap((part) => (part.name === name && part.part !== undefined ? [part.part] : []));
}

/** All events of a search, as a plain client counts them. */
interface Found {
  readonly time: string;
  readonly action: string;
  readonly outcome: string;
  readonly altId: string | undefined;
  readonly client: string;
  readonly roles: readonly string[];
  readonly purposes: string;
  readonly resources: readonly string[];
  readonly patients: readonly string[];
  readonly address: string;
}

async function searched(query: string, as = officer): Promise<Found[]> {
  const found: Found[] = [];
  let path: string | undefined = `AuditEvent?${query}&date=ge2025-03-01&date=le2025-12-31&_count=97`;
  while (path !== undefined) {
    const { body } = await ask(path, as);
    const entries = (body['entry'] ?? []) as { resource: Json }[];
    found.push(...entries.map(({ resource }) => foundOf(resource)));
    const next = ((body['link'] ?? []) as { relation: string; url: string }[]).find(
      ({ relation }) => relation === 'next',
    );
    path = next?.url.slice(as.base.length + 1);
  }
  return found;
}

function foundOf(event: Json): Found {
  const all = event['agent'] as Json[];
  const user = all.find((agent) => agent['altId'] !== undefined);
  const application = all[0] as {
    who: { identifier: { value: string } };
    network?: { address: string };
    role?: Json[];
  };
  const entities = (event['entity'] ?? []) as { what?: { reference?: string }; role?: { code: string } }[];
  const of = (role: string): string[] =>
    entities.flatMap(({ what, role: own }) =>
      own?.code === role ? (what?.reference?.split('/_history')[0] ?? []) : [],
    );
  const roles = ((user ?? application)['role' as never] ?? []) as { coding: { code: string }[] }[];
  return {
    time: String(event['recorded']),
    action: String(event['action']),
    outcome: String(event['outcome']),
    altId: user?.['altId'] as string | undefined,
    client: application.who.identifier.value,
    roles: roles.map(({ coding }) => coding[0]?.code ?? ''),
    purposes: ((event['purposeOfEvent'] ?? []) as { coding: { code: string }[] }[])
      .map(({ coding }) => coding[0]?.code)
      .join(),
    resources: of('4'),
    patients: of('1').map((reference) => reference.replace('Patient/', '')),
    address: application.network?.address ?? '',
  };
}

const succeeded = ({ outcome }: Found): boolean => outcome === '0';
const sorted = (values: Iterable<string>): string[] => [...new Set(values)].sort();

describe('the numbers are those of a recount', () => {
  test.each(['p1', 'p2', 'p3'])('$access-report of %s', async (patient) => {
    const parts = await report(`Patient/${patient}/$access-report?${period}`);
    const found = await searched(`entity=Patient/${patient}`);
    expect(found.length).toBeGreaterThan(50);
    expect([one(parts, 'events'), one(parts, 'refused')]).toEqual([
      found.length,
      found.filter((e) => !succeeded(e)).length,
    ]);
    const lineOf = (events: readonly Found[]): Json => {
      const [{ altId, client, roles, purposes } = {} as Found] = events;
      const good = events.filter(succeeded);
      const own = good.flatMap(({ resources: all, action }) =>
        all.filter((name) => owners[name] === patient).map((name) => ({ name, action })),
      );
      const types = sorted(own.map(({ name }) => name.split('/')[0] ?? ''));
      return {
        user: altId,
        client,
        roles,
        purposes,
        first: sorted(events.map(({ time }) => time))[0],
        last: sorted(events.map(({ time }) => time)).at(-1),
        count: events.length,
        refused: events.length - good.length,
        seen: types.map((type) => {
          const these = own.filter(({ name }) => name.startsWith(`${type}/`));
          return {
            type,
            actions: sorted(these.map(({ action }) => action)),
            ids: sorted(these.map(({ name }) => name)),
          };
        }),
      };
    };
    const key = ({ altId, client, purposes }: Found): string => `${altId} ${client} ${purposes}`;
    const expected = [...Map.groupBy(found, key).values()].map(lineOf);
    const shown = groups(parts, 'access').map((line) => ({
      user: (
        line.find(({ name }) => name === 'user')?.['valueReference'] as { identifier?: { value: string } } | undefined
      )?.identifier?.value,
      client: one(line, 'client'),
      roles: many(line, 'role'),
      purposes: many(line, 'purpose').join(),
      first: one(line, 'first'),
      last: one(line, 'last'),
      count: one(line, 'count'),
      refused: one(line, 'refused'),
      seen: groups(line, 'seen').map((seen) => ({
        type: one(seen, 'type'),
        actions: many(seen, 'action'),
        ids: many(seen, 'resource'),
      })),
    }));
    const order = (lines: readonly Json[]): Json[] =>
      lines.toSorted((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)));
    expect(order(shown)).toEqual(order(expected));
  });

  test.each([
    ['user=Practitioner/layla', 'agent=Practitioner/layla'],
    ['user=user-omar', 'altid=user-omar'],
    ['client=analyser', 'client=analyser'],
    ['client=portal&user=Practitioner/omar', 'client=portal&agent=Practitioner/omar'],
  ])('$user-activity-report?%s', async (asked, query) => {
    const parts = await report(`AuditEvent/$user-activity-report?${asked}&${period}`);
    const found = await searched(query);
    expect(found.length).toBeGreaterThan(50);
    const times = (events: readonly Found[]): Json => ({
      first: sorted(events.map(({ time }) => time))[0],
      last: sorted(events.map(({ time }) => time)).at(-1),
      count: events.length,
      refused: events.filter((event) => !succeeded(event)).length,
    });
    expect({
      events: one(parts, 'events'),
      refused: one(parts, 'refused'),
      patients: one(parts, 'patients'),
      first: one(parts, 'first'),
      last: one(parts, 'last'),
    }).toEqual({
      events: found.length,
      refused: found.filter((event) => !succeeded(event)).length,
      patients: sorted(found.flatMap(({ patients }) => patients)).length,
      first: times(found)['first'],
      last: times(found)['last'],
    });
    const timesIn = (line: readonly Part[]): Json =>
      Object.fromEntries(['first', 'last', 'count', 'refused'].map((name) => [name, one(line, name)]));
    const shown = (name: string): Json[] =>
      groups(parts, name).map((line) => ({ [name]: one(line, name), ...timesIn(line) }));
    const recounted = (name: string, values: (event: Found) => readonly string[]): Json[] =>
      sorted(found.flatMap(values)).map((value) => ({
        [name]: value,
        ...times(found.filter((event) => values(event).includes(value))),
      }));
    expect(shown('address')).toEqual(recounted('address', ({ address }) => [address]));
    expect(shown('patient')).toEqual(recounted('patient', ({ patients }) => patients.map((id) => `Patient/${id}`)));
    const days = Map.groupBy(
      groups(parts, 'day'),
      (line) => `${String(one(line, 'date'))} ${String(one(line, 'action'))}`,
    );
    const byDay = Map.groupBy(found, ({ time, action }) => `${time.slice(0, 10)} ${action}`);
    const counted = [...days].map(([key, lines]): [string, number] => [
      key,
      lines.reduce((sum, line) => sum + Number(one(line, 'count')), 0),
    ]);
    expect(new Map(counted)).toEqual(new Map([...byDay].map(([key, all]) => [key, all.length])));
    const refusals = groups(parts, 'refusal').reduce((sum, line) => sum + Number(one(line, 'count')), 0);
    expect(refusals).toBe(one(parts, 'refused'));
  });

  test.each([
    ['user=Practitioner/layla', 'agent=Practitioner/layla'],
    ['client=analyser', 'client=analyser'],
    ['address=10.0.0.2', 'address:exact=10.0.0.2'],
    ['address=10.0.0.1&address=10.0.0.2&user=user-omar', 'address:exact=10.0.0.1,10.0.0.2&altid=user-omar'],
    [`query=${encodeURIComponent('action=R&purpose-of-use=BTG')}`, 'action=R&purpose-of-use=BTG'],
  ])('$breach-report?%s', async (asked, query) => {
    const parts = await report(`AuditEvent/$breach-report?${asked}&${period}`);
    const found = await searched(query);
    const good = found.filter(succeeded);
    expect(good.length).toBeGreaterThan(20);
    const records = sorted(good.flatMap(({ resources: all }) => all));
    expect({
      events: one(parts, 'events'),
      refused: one(parts, 'refused'),
      persons: one(parts, 'persons'),
      records: one(parts, 'records'),
      first: one(parts, 'first'),
      last: one(parts, 'last'),
    }).toEqual({
      events: found.length,
      refused: found.length - good.length,
      persons: sorted(good.flatMap(({ patients }) => patients)).length,
      records: records.length,
      first: sorted(good.map(({ time }) => time))[0],
      last: sorted(good.map(({ time }) => time)).at(-1),
    });
    const categories = groups(parts, 'category').map((line) => [
      `${String(one(line, 'type'))} ${String(one(line, 'label') ?? '')}`.trim(),
      one(line, 'records'),
      one(line, 'persons'),
    ]);
    const labelOf = (name: string): string => `${name.split('/')[0]}${name === 'Observation/o2' ? ' R' : ''}`;
    expect(categories).toEqual(
      sorted(records.map(labelOf)).map((category) => {
        const these = records.filter((name) => labelOf(name) === category);
        return [category, these.length, sorted(these.flatMap((name) => owners[name] ?? [])).length];
      }),
    );
    await expectList(String(one(parts, 'list')), good);
  });

  /** The list names each person with their records, and each person's events. */
  async function expectList(address: string, good: readonly Found[]): Promise<void> {
    const response = await officer.fetch(address.slice(officer.base.length + 1));
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/fhir+ndjson']);
    const lines = (await response.text())
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { parameter: Part[] }).parameter);
    const shown = lines.map((line) => ({
      patient: one(line, 'patient'),
      events: one(line, 'events'),
      records: groups(line, 'record').map((record) => [one(record, 'reference'), one(record, 'events')]),
    }));
    const recordsOf = (patient: string | undefined): unknown[] =>
      sorted(good.flatMap(({ resources: all }) => all.filter((name) => owners[name] === patient)))
        .map((name): [string, number] => [name, good.filter(({ resources: all }) => all.includes(name)).length])
        .toSorted(([a], [b]) => typeOrder(a) - typeOrder(b));
    const typeOrder = (name: string): number =>
      ['DiagnosticReport', 'Observation', 'Patient', 'Practitioner'].indexOf(name.split('/')[0] ?? '');
    const nobodys = recordsOf(undefined);
    expect(shown).toEqual([
      ...sorted(good.flatMap(({ patients }) => patients)).map((patient) => ({
        patient: `Patient/${patient}`,
        events: good.filter(({ patients }) => patients.includes(patient)).length,
        records: recordsOf(patient),
      })),
      ...(nobodys.length === 0 ? [] : [{ patient: undefined, events: undefined, records: nobodys }]),
    ]);
  }
});
