/** Worklists: what is to be done, found by name, and no longer once it is done. */
import { setTimeout as pause } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from '@jest/globals';
import type { JsonObject } from '../../src/fhir/json.ts';
import { catalogueSystem, codeIn, objects } from '../../src/laboratory/terms.ts';
import { worklists } from '../../src/laboratory/worklists.ts';
import { signIn, type Laboratory } from '../server.ts';
import { addPatient, done, found, laboratoryWithCatalogue, parameters, resourcesOf, said, send } from './laboratory.ts';

let lab: Laboratory;

beforeAll(async () => {
  lab = await laboratoryWithCatalogue();
  // The indexes of the product's own parameters are made in the background.
  const named = worklists.map(({ type, name }) => `${type}?_query=${name}`);
  for (const one of [...named, 'ServiceRequest?location=Location/1']) {
    const query = `${one}&_summary=count`;
    for (const end = Date.now() + 120_000; Date.now() < end && (await lab.fetch(query)).status !== 200;)
      await pause(200);
  }
}, 90_000);

const refer = (resource: JsonObject | undefined): string =>
  `${String(resource?.['resourceType'])}/${String(resource?.['id'])}`;

/** In how many of all lists something of the patient stands. */
async function listsOf(patient: string): Promise<Record<string, number>> {
  const counted: Record<string, number> = {};
  for (const { type, name } of worklists) {
    const query = `${type}?_query=${name}&${type === 'Task' ? 'patient' : 'subject'}=${patient}&_summary=count`;
    const { total } = (await (await lab.fetch(query)).json()) as { total: number };
    if (total > 0) counted[name] = total;
  }
  return counted;
}

async function entered(specimen: string, values: Readonly<Record<string, string>>): Promise<JsonObject> {
  const result = Object.entries(values).map(([analyte, value]) => ({
    name: 'result',
    part: [
      { name: 'analyte', valueString: analyte },
      { name: 'value', valueString: value },
    ],
  }));
  const given = [{ name: 'specimen', valueReference: { reference: specimen } }, ...result];
  const answer = await send(lab, 'Observation/$enter-results', { resourceType: 'Parameters', parameter: given });
  expect([answer.status, answer.said]).toEqual([200, '']);
  return answer.body;
}

test('an order goes from list to list until it is done', async () => {
  const patient = await addPatient(lab, { gender: 'male', birthDate: '1976-05-02' });
  const ordered = await done(lab, 'ServiceRequest/$order', { patient, test: ['potassium', 'chloride'] });
  const orders = resourcesOf(ordered, 'order').map(refer);
  expect(await listsOf(patient)).toEqual({ 'to-accession': 2 });
  const [specimen] = resourcesOf(await done(lab, 'Specimen/$accession', { order: orders }), 'specimen').map(refer);
  expect(await listsOf(patient)).toEqual({ 'to-collect': 1 });
  await done(lab, `${specimen}/$collect`, { time: '2026-01-30T06:00:00Z' });
  expect(await listsOf(patient)).toEqual({ 'to-receive': 1 });
  await done(lab, `${specimen}/$receive`, { time: '2026-01-30T07:00:00Z' });
  expect(await listsOf(patient)).toEqual({ 'to-run': 2, overdue: 2 });
  const first = await entered(String(specimen), { potassium: '7.4' });
  const [critical] = resourcesOf(first, 'result').map(refer);
  expect(await listsOf(patient)).toMatchObject({ 'to-run': 1, overdue: 2, 'to-review': 1, 'to-call': 1 });
  await done(lab, `${critical}/$call-back`, { receiver: 'Dr Haddad', readBack: true });
  const second = await entered(String(specimen), { chloride: '100' });
  expect(await listsOf(patient)).toMatchObject({ overdue: 2, 'to-review': 2 });
  const results = [critical, ...resourcesOf(second, 'result').map(refer)].map(String);
  await done(lab, 'Observation/$review', { result: results });
  expect(await listsOf(patient)).toMatchObject({ overdue: 2, 'to-release': 2 });
  const [report] = resourcesOf(second, 'report').map(refer);
  await done(lab, `${report}/$release`, { result: [critical ?? ''] });
  expect(await listsOf(patient)).toMatchObject({ overdue: 1, 'to-release': 1 });
  await done(lab, `${report}/$release`);
  const left = await listsOf(patient);
  expect([left['overdue'], left['to-run'], left['to-release']]).toEqual([undefined, undefined, undefined]);
  const stored = await found(lab, `ServiceRequest?subject=${patient}`);
  expect(stored.map(({ status }) => status)).toEqual(['completed', 'completed']);

  // What is taken back is to be done again.
  await done(lab, `${results[1]}/$withdraw`, { reason: 'mixed up' });
  const again = await listsOf(patient);
  expect([again['overdue'], again['to-run']]).toEqual([1, 1]);
}, 60_000);

describe('of a section, a ward, an analyzer', () => {
  const section = (code: string): string => `category=urn:makhbar:laboratory-section|${code}`;
  let patient: string;
  let ward: string;
  let visit: string;
  let analyzer: string;

  async function made(resource: JsonObject): Promise<string> {
    const { status, body } = await send(lab, String(resource['resourceType']), resource);
    expect(status).toBe(201);
    return refer(body);
  }

  /** Codes of tests, of orders of the patient that a search finds. */
  async function tests(query: string): Promise<string[]> {
    const orders = await found(lab, `ServiceRequest?${query}&subject=${patient}`);
    return orders.map((one) => String(codeIn(one['code'], catalogueSystem))).toSorted();
  }

  beforeAll(async () => {
    patient = await addPatient(lab, { gender: 'female', birthDate: '1990-01-01' });
    ward = await made({ resourceType: 'Location', name: 'Ward 3', status: 'active' });
    analyzer = await made({ resourceType: 'Device', status: 'active' });
    visit = await made({
      resourceType: 'Encounter',
      status: 'in-progress',
      class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'IMP' },
      subject: { reference: patient },
      location: [{ location: { reference: ward } }],
    });
    await done(lab, 'ServiceRequest/$order', { patient, test: ['sodium', 'tsh'], location: { reference: ward } });
    await done(lab, 'ServiceRequest/$order', { patient, test: 'ferritin', encounter: { reference: visit } });
    // As a client makes it, of a test of the catalogue.
    await made({
      resourceType: 'ServiceRequest',
      status: 'active',
      intent: 'order',
      code: { coding: [{ system: 'urn:makhbar:catalogue', code: 'potassium' }] },
      subject: { reference: patient },
      locationReference: [{ reference: ward }],
    });
  });

  test('orders by section and ward, also by that of their visit', async () => {
    expect(await tests(`_query=to-accession&${section('chemistry')}`)).toContain('sodium');
    expect(await tests(`_query=to-accession&${section('chemistry')}`)).not.toContain('tsh');
    expect(await tests(`_query=to-accession&location=${ward}`)).toEqual(['potassium', 'sodium', 'tsh']);
    expect(await tests('_query=to-accession&location.name=Ward 3')).toEqual(['potassium', 'sodium', 'tsh']);
    expect(await tests(`_query=to-accession&encounter.location=${ward}`)).toEqual(['ferritin']);
    expect(await tests(`_query=to-accession&location=Location/another`)).toEqual([]);
  });

  test('specimens by those of their orders; an order of a client gets its section; results by analyzer', async () => {
    const orders = (await found(lab, `ServiceRequest?subject=${patient}`)).map(refer);
    const accessioned = await done(lab, 'Specimen/$accession', { order: orders });
    const specimens = resourcesOf(accessioned, 'specimen').map(refer);
    const listed = async (filter: string): Promise<string[]> =>
      (await found(lab, `Specimen?_query=to-collect&subject=${patient}&_has:ServiceRequest:specimen:${filter}`)).map(
        refer,
      );
    expect((await listed(`location=${ward}`)).length).toBeGreaterThan(0);
    expect(await listed(section('microbiology'))).toEqual([]);
    expect((await listed(section('chemistry'))).length).toBeGreaterThan(0);
    for (const specimen of specimens) {
      await done(lab, `${specimen}/$collect`);
      await done(lab, `${specimen}/$receive`);
    }
    const chemistry = await tests(`_query=to-run&${section('chemistry')}`);
    expect(chemistry).toEqual(expect.arrayContaining(['potassium', 'sodium']));
    expect(chemistry).not.toContain('tsh');

    const [serum] = await found(lab, `Specimen?subject=${patient}&_has:ServiceRequest:specimen:code=sodium`);
    await done(lab, 'ServiceRequest/$add-on', {
      specimen: { reference: refer(serum) },
      test: 'chloride',
      location: { reference: ward },
    });
    expect(await tests(`_query=to-run&location=${ward}`)).toEqual(['chloride', 'potassium', 'sodium', 'tsh']);

    const given = parameters({ specimen: { reference: refer(serum) }, device: { reference: analyzer } });
    const result = {
      name: 'result',
      part: [
        { name: 'analyte', valueString: 'sodium' },
        { name: 'value', valueString: '140' },
      ],
    };
    const entering = { ...given, parameter: [...objects(given['parameter']), result] };
    expect((await send(lab, 'Observation/$enter-results', entering)).status).toBe(200);
    const results = async (filter: string): Promise<number> =>
      (await found(lab, `Observation?_query=to-review&subject=${patient}&${filter}`)).length;
    expect([await results(`device=${analyzer}`), await results('device=Device/another')]).toEqual([1, 0]);
    expect([await results(section('chemistry')), await results(section('coagulation'))]).toEqual([1, 0]);
  }, 60_000);

  test('the CapabilityStatement has the parameters', async () => {
    const { rest } = (await (await lab.fetch('metadata')).json()) as { rest: { resource: JsonObject[] }[] };
    const named = new Map(
      rest[0]?.resource.map(({ type, searchParam }) => [type, objects(searchParam).map(({ name }) => name)] as const),
    );
    expect(named.get('ServiceRequest')).toEqual(expect.arrayContaining(['category', 'location', 'progress', 'due']));
    expect(named.get('Observation')).toEqual(expect.arrayContaining(['category', 'device']));
  });
});

describe('by name', () => {
  test('with other parameters, pages by criteria; access is that of a search', async () => {
    const patients = await Promise.all([addPatient(lab), addPatient(lab)]);
    for (const patient of patients) await done(lab, 'ServiceRequest/$order', { patient, test: 'sodium' });
    const page = (await (await lab.fetch('ServiceRequest?_query=to-accession&_count=1')).json()) as JsonObject;
    const links = objects(page['link']).map(({ relation, url }) => [String(relation), String(url)] as const);
    const next = new Map(links).get('next') ?? '';
    expect(next).toContain('status=active');
    const second = await fetch(next, { headers: { authorization: `Bearer ${lab.token}` } });
    expect(objects(((await second.json()) as JsonObject)['entry'])).toHaveLength(1);
    const own = await signIn(lab.tenant, `system/ServiceRequest.rs?subject=${patients[0]}`);
    expect(await found(own, 'ServiceRequest?_query=to-accession')).toHaveLength(1);
    const none = await signIn(lab.tenant, 'system/Patient.rs');
    expect((await none.fetch('ServiceRequest?_query=to-accession')).status).toBe(403);
  });

  test.each([
    ['Specimen?_query=all', 'one name of a query of Specimen: to-collect, to-receive, away'],
    ['Specimen?_query=to-collect&_query=away', 'one name of a query'],
    ['Patient?_query=to-collect', 'of Patient: there is none'],
  ])('%s is refused', async (query, sentence) => {
    const answer = await said(await lab.fetch(query));
    expect([answer.status, answer.said]).toEqual([400, expect.stringContaining(sentence)]);
  });

  test('the CapabilityStatement names them', async () => {
    const { rest } = (await (await lab.fetch('metadata')).json()) as { rest: { resource: JsonObject[] }[] };
    const named = rest[0]?.resource.flatMap(({ type, operation }) =>
      objects(operation).flatMap(({ name, definition }) =>
        String(definition).startsWith('urn:makhbar:query:') ? [`${String(type)} ${String(name)}`] : [],
      ),
    );
    expect(named?.toSorted()).toEqual(worklists.map(({ type, name }) => `${type} ${name}`).toSorted());
  });
});
