/** Orders and specimens through the day: ordered, accessioned, collected, received, divided, shipped, rejected, disposed. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { shippedRoles } from '../../src/access/roles.ts';
import type { JsonObject } from '../../src/fhir/json.ts';
import { codeIn, catalogueSystem, extensions, objects, text } from '../../src/laboratory/terms.ts';
import { eventsOf } from '../audit/log.ts';
import { makeLaboratory, signIn, type Laboratory } from '../server.ts';
import {
  addPatient,
  done,
  found,
  laboratoryWithCatalogue,
  parameters,
  resourcesOf,
  send,
  type Given,
} from './laboratory.ts';

let lab: Laboratory;
let patient: string;

beforeAll(async () => {
  lab = await laboratoryWithCatalogue();
  patient = await addPatient(lab, { name: [{ family: 'Haddad' }] });
}, 120_000);

const refer = (resource: JsonObject): string => `${String(resource['resourceType'])}/${String(resource['id'])}`;
const codeOf = (order: JsonObject): string => codeIn(order['code'], catalogueSystem) ?? '';
const stateIn = (specimen: JsonObject): unknown => extensions(specimen, 'specimen-state')[0]?.['valueCode'];
const numberIn = (specimen: JsonObject): string => String((specimen['accessionIdentifier'] as JsonObject)['value']);

async function ordered(
  test: readonly string[],
  more: Record<string, Given | readonly Given[]> = {},
): Promise<JsonObject> {
  return done(lab, 'ServiceRequest/$order', { patient, test, ...more });
}

/** Specimens of an order of these tests. */
async function accessioned(...test: string[]): Promise<JsonObject[]> {
  const orders = resourcesOf(await ordered(test, { patient: await addPatient(lab) }), 'order');
  return resourcesOf(await done(lab, 'Specimen/$accession', { order: orders.map(refer) }), 'specimen');
}

function warnings(answer: JsonObject): string[] {
  return resourcesOf(answer, 'outcome').flatMap(({ issue }) => objects(issue).map(({ code }) => String(code)));
}

describe('ordering', () => {
  test('takes panels apart, names the versions of the definitions and computes the containers', async () => {
    const answer = await ordered(['lipids', 'http://loinc.org|58410-2', 'cholesterol', 'esr'], {
      priority: 'stat',
      note: 'x',
    });
    const orders = resourcesOf(answer, 'order');
    expect(orders.map(codeOf)).toEqual([
      ...['cholesterol', 'triglycerides', 'hdl', 'ldl', 'non-hdl', 'cholesterol-ratio'],
      ...['fbc', 'esr'],
    ]);
    for (const { instantiatesCanonical, priority, status, requisition } of orders) {
      expect([priority, status, requisition]).toEqual(['stat', 'active', orders[0]?.['requisition']]);
      const [canonical = ''] = instantiatesCanonical as string[];
      const [url, version] = canonical.split('|');
      expect(await found(lab, `ActivityDefinition?url=${url}&version=${version}`)).toHaveLength(1);
    }
    const requirements = ((answer['parameter'] ?? []) as JsonObject[]).filter(({ name }) => name === 'requirement');
    const told = requirements.map(({ part }) => objects(part).map((one) => one['valueInteger'] ?? one['valueCode']));
    expect(told.map((one) => one.filter((value) => value !== undefined))).toEqual([
      [1, 'cholesterol', 'triglycerides', 'hdl', 'ldl', 'non-hdl', 'cholesterol-ratio'],
      [1, 'fbc'],
      [1, 'esr'],
    ]);
    expect(warnings(answer)).toEqual(['business-rule']);
  });

  test('keeps answers, fasting and insurance, and warns of what is missing and what is asked twice', async () => {
    const own = await addPatient(lab);
    const first = await ordered(['crossmatch', 'glucose-fasting'], { patient: own });
    expect(warnings(first).sort()).toEqual(['business-rule', 'required']);
    const answers = {
      resourceType: 'QuestionnaireResponse',
      questionnaire: 'urn:makhbar:catalogue:questionnaire:transfusion',
      status: 'completed',
      item: [{ linkId: 'transfused', answer: [{ valueBoolean: false }] }],
    };
    const second = await ordered(['crossmatch', 'glucose-fasting'], {
      ...{ patient: own, answers, fasting: 10, insuranceNote: 'CNAM' },
    });
    expect(warnings(second)).toEqual(['duplicate', 'duplicate']);
    const [order] = resourcesOf(second, 'order');
    const reference = String(objects(order?.['supportingInfo'])[0]?.['reference']);
    expect((await lab.fetch(reference)).status).toBe(200);
    expect(extensions(order ?? {}, 'insurance-note')[0]?.['valueString']).toBe('CNAM');
    expect(extensions(order ?? {}, 'fasting-hours')[0]?.['valueDuration']).toMatchObject({ value: 10, code: 'h' });
  });

  test('a dry run stores nothing', async () => {
    const own = await addPatient(lab);
    const answer = await ordered(['electrolytes'], { patient: own, dryRun: true });
    expect(resourcesOf(answer, 'order')).toEqual([]);
    expect(await found(lab, `ServiceRequest?subject=${own}`)).toEqual([]);
  });

  const answered = { resourceType: 'QuestionnaireResponse', questionnaire: 'urn:x', status: 'completed' };
  test.each<[string, Record<string, Given | readonly Given[]>, number, string]>([
    ['an unknown test', { test: 'unobtainium' }, 422, 'no test or panel'],
    ['one unknown test among others', { test: ['sodium', 'http://loinc.org|1-8'] }, 422, 'http://loinc.org|1-8'],
    ['no test', {}, 400, 'test'],
    ['a test that would be more of a search', { test: 'sodium,potassium' }, 422, 'no test or panel'],
    ['another priority', { test: 'sodium', priority: 'soon' }, 400, 'routine, urgent, asap, stat'],
    ['a patient who is not there', { test: 'sodium', patient: 'Patient/nobody' }, 404, 'Patient/nobody'],
    ['no patient but a group', { test: 'sodium', patient: 'Group/1' }, 400, 'Patient/7'],
    ['answers that nobody asked for', { test: 'sodium', answers: answered }, 422, 'none of these tests asks'],
    ['a requester who is none', { test: 'sodium', requester: 'Device/1' }, 400, 'requester'],
  ])('%s is refused', async (_, given, status, sentence) => {
    const answer = await send(lab, 'ServiceRequest/$order', parameters({ patient, ...given }));
    expect([answer.status, answer.said]).toEqual([status, expect.stringContaining(sentence)]);
  });

  test('an order keeps the definition it was made with', async () => {
    const own = await addPatient(lab);
    const [before] = resourcesOf(await ordered(['calcium'], { patient: own }), 'order');
    const [definition] = await found(lab, 'ActivityDefinition?identifier=urn:makhbar:catalogue|calcium&status=active');
    const [swab] = await found(lab, 'SpecimenDefinition?type=http://snomed.info/sct|257261003');
    const changed = {
      ...definition,
      id: 'calcium-2',
      version: '2',
      specimenRequirement: [{ reference: refer(swab ?? {}) }],
    };
    expect((await send(lab, 'ActivityDefinition/calcium-2', changed, 'PUT')).status).toBe(201);
    const [after = {}] = resourcesOf(await ordered(['calcium'], { patient: own }), 'order');
    expect((after['instantiatesCanonical'] as string[])[0]).toMatch(/\|2$/);
    const [old] = resourcesOf(await done(lab, 'Specimen/$accession', { order: refer(before ?? {}) }), 'specimen');
    expect(objects(old?.['container'])[0]?.['description']).toMatch(/Serum/);
    await lab.fetch('ActivityDefinition/calcium-2', { method: 'DELETE' });
  });
});

describe('accession', () => {
  test('gives a specimen for each container, and the orders name theirs', async () => {
    const answer = await ordered(['fbc', 'hba1c', 'electrolytes'], { patient: await addPatient(lab) });
    const [first = {}] = resourcesOf(answer, 'order');
    const value = String((first['requisition'] as JsonObject)['value']);
    const made = await done(lab, 'Specimen/$accession', { requisition: value });
    const specimens = resourcesOf(made, 'specimen');
    expect(specimens.map(stateIn)).toEqual(['accessioned', 'accessioned']);
    expect(specimens.map((one) => objects(one['request']).length).toSorted((a, b) => a - b)).toEqual([2, 5]);
    expect(new Set(specimens.map(numberIn)).size).toBe(2);
    for (const order of await found(lab, `ServiceRequest?requisition=${value}`)) {
      const own = specimens.filter((one) =>
        objects(one['request']).some(({ reference }) => reference === refer(order)),
      );
      expect(objects(order['specimen']).map(({ reference }) => reference)).toEqual(own.map(refer));
    }
    const again = await send(lab, 'Specimen/$accession', parameters({ requisition: value }));
    expect([again.status, again.said]).toEqual([404, expect.stringContaining('no active order without a specimen')]);
    const twice = await send(lab, 'Specimen/$accession', parameters({ order: refer(first) }));
    expect([twice.status, twice.said]).toEqual([409, expect.stringContaining('is accessioned')]);
  });

  test('takes a plain order of a panel apart', async () => {
    const own = await addPatient(lab);
    const { body } = await send(lab, 'ServiceRequest', {
      resourceType: 'ServiceRequest',
      ...{ status: 'active', intent: 'order', priority: 'urgent', subject: { reference: own } },
      authoredOn: new Date().toISOString(),
      code: { coding: [{ system: 'http://loinc.org', code: '24326-1' }] },
    });
    const made = await done(lab, 'Specimen/$accession', { order: refer(body) });
    expect(resourcesOf(made, 'specimen')).toHaveLength(1);
    const parts = await found(lab, `ServiceRequest?based-on=${refer(body)}`);
    expect(parts.map(codeOf).sort()).toEqual(['anion-gap', 'bicarbonate', 'chloride', 'potassium', 'sodium']);
    expect(new Set(parts.map(({ priority }) => priority))).toEqual(new Set(['urgent']));
    const twice = await send(lab, 'Specimen/$accession', parameters({ order: refer(body) }));
    expect(twice.status).toBe(409);
    expect(warnings(made)).toEqual([]);
    const { id: _id, meta: _meta, specimen: _specimen, ...again } = body;
    const { body: other } = await send(lab, 'ServiceRequest', { ...again, authoredOn: new Date().toISOString() });
    const second = await done(lab, 'Specimen/$accession', { order: refer(other) });
    expect(new Set(warnings(second))).toEqual(new Set(['duplicate']));
  });

  test('no number twice and none left out, however many ask at once', async () => {
    const section = await laboratoryWithCatalogue({ settings: { accessionPattern: '{section}-{n:4}{check}' } });
    const subject = await addPatient(section);
    const orders = await Promise.all(
      Array.from({ length: 12 }, async (_, i) => {
        const test = i % 2 === 0 ? ['fbc', 'esr'] : ['esr', 'fbc'];
        const answer = await done(section, 'ServiceRequest/$order', { patient: subject, test });
        return resourcesOf(answer, 'order').map(refer);
      }),
    );
    const wrong = orders.map(([first = '']) => [first, 'ServiceRequest/nothing']);
    const all = await Promise.all(
      [...orders, ...wrong].map((order) => send(section, 'Specimen/$accession', parameters({ order }))),
    );
    const numbers = all.flatMap(({ body }) => resourcesOf(body, 'specimen')).map(numberIn);
    const counts = (prefix: string): number[] =>
      numbers.filter((one) => one.startsWith(prefix)).map((one) => Number(one.slice(4, -1)));
    const expected = Array.from({ length: 12 }, (_, i) => i + 1);
    expect([counts('EDT'), counts('ESR')].map((some) => some.sort((a, b) => a - b))).toEqual([expected, expected]);
  }, 120_000);

  test('orders of two patients, unknown tests and cancelled orders are refused', async () => {
    const [a] = resourcesOf(await ordered(['sodium']), 'order');
    const [b] = resourcesOf(await ordered(['sodium'], { patient: await addPatient(lab) }), 'order');
    const two = await send(lab, 'Specimen/$accession', parameters({ order: [refer(a ?? {}), refer(b ?? {})] }));
    expect([two.status, two.said]).toEqual([422, expect.stringContaining('several patients')]);
    await done(lab, `${refer(b ?? {})}/$cancel`, { reason: 'asked by mistake' });
    const cancelled = await send(lab, 'Specimen/$accession', parameters({ order: refer(b ?? {}) }));
    expect([cancelled.status, cancelled.said]).toEqual([409, expect.stringContaining('is revoked')]);
    const { body } = await send(lab, 'ServiceRequest', {
      resourceType: 'ServiceRequest',
      ...{ status: 'active', intent: 'order', subject: { reference: patient }, code: { text: 'something' } },
    });
    const unknown = await send(lab, 'Specimen/$accession', parameters({ order: refer(body) }));
    expect([unknown.status, unknown.said]).toEqual([422, expect.stringContaining('no test or panel')]);
  });
});

describe('a specimen', () => {
  test('is collected, received, divided, stored, fetched, shipped, returned and disposed; each step is kept', async () => {
    const [specimen] = await accessioned('fbc');
    const name = refer(specimen ?? {});
    await done(lab, `${name}/$collect`, {
      collector: 'Practitioner/ph',
      time: new Date(Date.now() - 60_000).toISOString(),
    });
    expect(await done(lab, `${name}/$receive`, { container: 'edta' })).toMatchObject({ status: 'available' });
    const aliquots = resourcesOf(await done(lab, `${name}/$aliquot`, { count: 2, volume: 1.5 }), 'specimen');
    const more = resourcesOf(await done(lab, `${name}/$aliquot`), 'specimen');
    const base = numberIn(specimen ?? {});
    expect([...aliquots, ...more].map(numberIn)).toEqual([`${base}-1`, `${base}-2`, `${base}-3`]);
    expect(aliquots.map(({ parent }) => objects(parent)[0]?.['reference'])).toEqual([name, name]);
    await send(lab, 'Location/fridge', { resourceType: 'Location', id: 'fridge', name: 'Fridge 1' }, 'PUT');
    const stored = await done(lab, `${name}/$store`, { location: 'Location/fridge' });
    expect(extensions(stored, 'specimen-location')[0]?.['valueReference']).toEqual({ reference: 'Location/fridge' });
    expect(stateIn(await done(lab, `${name}/$retrieve`))).toBe('received');
    expect(stateIn(await done(lab, `${name}/$ship`, { location: 'Organization/reference-laboratory' }))).toBe(
      'shipped',
    );
    expect((await found(lab, 'Specimen?state=shipped')).map(refer)).toContain(name);
    expect(stateIn(await done(lab, `${name}/$return`))).toBe('received');
    const last = await done(lab, `${name}/$dispose`, { reason: 'kept for a week' });
    expect([stateIn(last), last['status']]).toEqual(['disposed', 'unavailable']);
    const steps = await found(lab, `Provenance?target=${name}&_sort=recorded&_count=50`);
    expect(steps.map(({ activity }) => objects((activity as JsonObject)['coding'])[0]?.['code'])).toEqual([
      ...['accession', 'collect', 'receive', 'store', 'retrieve', 'ship', 'return', 'dispose'],
    ]);
    const [source] = await found(lab, `Provenance?target=${refer(aliquots[0] ?? {})}`);
    expect(objects(source?.['entity'])).toMatchObject([{ role: 'source', what: { reference: name } }]);
  });

  test('that is rejected is asked for again, and what was asked can be followed', async () => {
    const [specimen] = await accessioned('potassium', 'sodium');
    const answer = await done(lab, `${refer(specimen ?? {})}/$reject`, { reason: 'RH', text: 'Red serum' });
    expect(resourcesOf(answer, 'specimen')[0]).toMatchObject({ status: 'unsatisfactory' });
    const again = resourcesOf(answer, 'order');
    expect(again.map(codeOf).sort()).toEqual(['potassium', 'sodium']);
    for (const order of again) {
      const [before = {}] = objects(order['replaces']);
      const old = (await (await lab.fetch(String(before['reference']))).json()) as JsonObject;
      expect([old['status'], old['requisition']]).toEqual(['revoked', order['requisition']]);
      expect(objects(old['note']).at(-1)?.['text']).toBe('Specimen rejected: Red serum');
    }
    const next = await done(lab, 'Specimen/$accession', { order: again.map(refer) });
    expect(resourcesOf(next, 'specimen')).toHaveLength(1);
  });

  test('takes further tests as long as it is fresh', async () => {
    const [specimen = {}] = await accessioned('sodium');
    const add = (test: string): Promise<{ status: number; said: string }> =>
      send(lab, 'ServiceRequest/$add-on', parameters({ specimen: refer(specimen), test }));
    expect(await add('chloride')).toMatchObject({ status: 409, said: expect.stringContaining('is accessioned') });
    await done(lab, `${refer(specimen)}/$collect`, { time: new Date(Date.now() - 30 * 3_600_000).toISOString() });
    const late = await send(lab, `${refer(specimen)}/$receive`, parameters({ container: 'edta' }));
    expect([late.status, late.said]).toEqual([422, expect.stringContaining('arrived in "edta"')]);
    await done(lab, `${refer(specimen)}/$receive`, { container: 'serum' });
    expect(await add('potassium')).toMatchObject({
      status: 422,
      said: expect.stringContaining('no more than 24 hours'),
    });
    expect(await add('fbc')).toMatchObject({ status: 422, said: expect.stringContaining('EDTA') });
    expect(await add('chloride')).toMatchObject({ status: 201 });
    const now = (await (await lab.fetch(refer(specimen))).json()) as JsonObject;
    expect(objects(now['request'])).toHaveLength(2);
  });

  test('that is received makes its results due', async () => {
    const [specimen = {}] = await accessioned('fbc', 'tsh');
    await done(lab, `${refer(specimen)}/$receive`, { time: '2026-01-31T08:00:00+03:00' });
    const [reference = ''] = objects(specimen['request']).map(({ reference: one }) => text(one) ?? '');
    const order = (await (await lab.fetch(reference)).json()) as JsonObject;
    expect(extensions(order, 'due')[0]?.['valueDateTime']).toBe('2026-01-31T07:00:00.000Z');
    const late = await found(lab, 'ServiceRequest?status=active&due=lt2026-01-31T07:00:01Z');
    expect(late.map(refer)).toContain(reference);
    expect(await found(lab, 'ServiceRequest?status=active&due=lt2026-01-31T06:59:59Z')).toEqual([]);
  });

  test('of an order that the catalogue does not know is received and rejected as others are', async () => {
    const { body: order } = await send(lab, 'ServiceRequest', {
      resourceType: 'ServiceRequest',
      ...{ status: 'active', intent: 'order', subject: { reference: patient }, code: { text: 'something' } },
    });
    const { body: specimen } = await send(lab, 'Specimen', {
      resourceType: 'Specimen',
      ...{ subject: { reference: patient }, request: [{ reference: refer(order) }] },
    });
    expect(stateIn(await done(lab, `${refer(specimen)}/$receive`))).toBe('received');
    const rejected = await done(lab, `${refer(specimen)}/$reject`, { reason: 'EX', recollect: false });
    expect([stateIn(resourcesOf(rejected, 'specimen')[0] ?? {}), resourcesOf(rejected, 'order')]).toEqual([
      'rejected',
      [],
    ]);
  });

  test('that is too old is not received', async () => {
    const [specimen = {}] = await accessioned('potassium');
    await done(lab, `${refer(specimen)}/$collect`, { time: new Date(Date.now() - 30 * 3_600_000).toISOString() });
    const late = await send(lab, `${refer(specimen)}/$receive`, parameters({}));
    expect([late.status, late.said]).toEqual([422, expect.stringContaining('24 hours')]);
    const now = (await (await lab.fetch(refer(specimen))).json()) as JsonObject;
    expect([stateIn(now), (now['meta'] as JsonObject)['versionId']]).toEqual(['collected', '2']);
  });

  test('is pooled with others of its kind', async () => {
    const parts = [...(await accessioned('fbc')), ...(await accessioned('hba1c'))];
    for (const one of parts) await done(lab, `${refer(one)}/$receive`);
    const pooled = await done(lab, 'Specimen/$pool', { specimen: parts.map(refer) });
    expect([pooled['subject'], objects(pooled['parent']).length, stateIn(pooled)]).toEqual([undefined, 2, 'received']);
    const [urine = {}] = await accessioned('urine-microscopy');
    await done(lab, `${refer(urine)}/$receive`);
    const mixed = await send(lab, 'Specimen/$pool', parameters({ specimen: [refer(urine), refer(parts[0] ?? {})] }));
    expect([mixed.status, mixed.said]).toEqual([422, expect.stringContaining('2 kinds')]);
  });

  test('is cancelled with the last order that waits for it', async () => {
    const [specimen = {}] = await accessioned('sodium', 'chloride');
    const [first = '', second = ''] = objects(specimen['request']).map(({ reference }) => text(reference) ?? '');
    const state = async (): Promise<unknown> =>
      stateIn((await (await lab.fetch(refer(specimen))).json()) as JsonObject);
    await done(lab, `${first}/$cancel`, { reason: 'not needed' });
    expect(await state()).toBe('accessioned');
    await done(lab, `${second}/$cancel`, { reason: 'not needed' });
    expect(await state()).toBe('cancelled');
    const collect = await send(lab, `${refer(specimen)}/$collect`, parameters({}));
    expect([collect.status, collect.said]).toEqual([409, expect.stringMatching(/is cancelled: the step collect/)]);
  });

  test.each<[string, Record<string, Given>, number, string]>([
    ['$reject', { reason: 'XX' }, 422, '"XX" is no reason'],
    ['$reject', {}, 400, 'reason'],
    ['$collect', { time: '2999-01-01T00:00:00Z' }, 422, 'still to come'],
    ['$collect', { time: 'now' }, 400, 'time with a zone'],
    ['$store', { location: 'Location/x' }, 409, 'is accessioned'],
    ['$dispose', {}, 409, 'rejected'],
    ['$collect', { colour: 'red' }, 400, 'colour'],
  ])('%s of %j is refused, and nothing changes', async (operation, given, status, sentence) => {
    const [specimen = {}] = await accessioned('sodium');
    const answer = await send(lab, `${refer(specimen)}/${operation}`, parameters(given));
    expect([answer.status, answer.said]).toEqual([status, expect.stringContaining(sentence)]);
    const now = (await (await lab.fetch(refer(specimen))).json()) as JsonObject;
    expect((now['meta'] as JsonObject)['versionId']).toBe('1');
  });
});

describe('who may', () => {
  const scopesOf = (...scopes: string[]): Promise<Laboratory> => signIn(lab.tenant, scopes.join(' '), 'somebody');

  test('a collector accessions and collects without a word on orders or Provenances', async () => {
    const collector = await scopesOf('user/ServiceRequest.rs', 'user/Specimen.crus', 'user/Patient.rs');
    const orders = resourcesOf(await ordered(['crp'], { patient: await addPatient(lab) }), 'order');
    const made = await done(collector, 'Specimen/$accession', { order: orders.map(refer) });
    const [specimen = {}] = resourcesOf(made, 'specimen');
    await done(collector, `${refer(specimen)}/$collect`);
    const refused = await send(collector, 'ServiceRequest/$order', parameters({ patient, test: 'crp' }));
    expect(refused.status).toBe(403);
    expect((await send(collector, `${refer(orders[0] ?? {})}/$cancel`, parameters({ reason: 'x' }))).status).toBe(403);
  });

  test('who does not see the order or the specimen finds none; another laboratory neither', async () => {
    const orders = resourcesOf(await ordered(['crp'], { patient: await addPatient(lab) }), 'order');
    const blind = await scopesOf('user/ServiceRequest.rs?priority=stat', 'user/Specimen.crus');
    expect((await send(blind, 'Specimen/$accession', parameters({ order: orders.map(refer) }))).status).toBe(404);
    const [specimen = {}] = await accessioned('crp');
    const other = await makeLaboratory();
    expect((await send(other, `${refer(specimen)}/$collect`, parameters({}))).status).toBe(404);
    const reader = await scopesOf('user/Specimen.rs');
    expect((await send(reader, `${refer(specimen)}/$collect`, parameters({}))).status).toBe(403);
  });

  /** What each role gets for: an order, its accession, collecting, receiving, a label, an aliquot, a rejection, taking it back. */
  test.each([
    ['reception', '201 403 403 403 200 403 403 200'],
    ['phlebotomist', '403 201 200 200 200 201 200 403'],
    ['technician', '403 201 200 200 200 201 200 200'],
    ['pathologist', '201 201 200 200 200 201 200 200'],
    ['administrator', '403 403 403 403 403 403 403 403'],
    ['auditor', '403 403 403 403 403 403 403 403'],
    ['operator', '403 403 403 403 403 403 403 403'],
  ])('%s', async (role, expected) => {
    const scopes = shippedRoles.get(role)?.scopes ?? [];
    const person = await scopesOf(...scopes);
    const own = await addPatient(lab);
    const [order = {}] = resourcesOf(await ordered(['crp'], { patient: own }), 'order');
    const [other = {}] = await accessioned('crp');
    const answers: { readonly status: number }[] = [
      await send(person, 'ServiceRequest/$order', parameters({ patient: own, test: 'esr' })),
      await send(person, 'Specimen/$accession', parameters({ order: refer(order) })),
      await send(person, `${refer(other)}/$collect`, parameters({})),
      await send(person, `${refer(other)}/$receive`, parameters({})),
      await person.fetch(`${refer(other)}/$label?format=zpl`),
    ];
    if (answers[3]?.status === 403) await done(lab, `${refer(other)}/$receive`);
    answers.push(await send(person, `${refer(other)}/$aliquot`, parameters({})));
    answers.push(await send(person, `${refer(other)}/$reject`, parameters({ reason: 'RH' })));
    answers.push(await send(person, `${refer(order)}/$cancel`, parameters({ reason: 'x' })));
    expect(answers.map(({ status }) => status).join(' ')).toBe(expected);
  });

  test('a physician orders in his own name only', async () => {
    const physician = await scopesOf('user/ServiceRequest.crus?requester=Practitioner/me');
    const own = await send(
      physician,
      'ServiceRequest/$order',
      parameters({ patient, test: 'crp', requester: 'Practitioner/me' }),
    );
    expect(own.status).toBe(201);
    const others = await send(
      physician,
      'ServiceRequest/$order',
      parameters({ patient, test: 'crp', requester: 'Practitioner/you' }),
    );
    expect(others.status).toBe(403);
  });
});

describe('the log', () => {
  test('each step is one event that names the patient', async () => {
    const own = await addPatient(lab);
    const asked = async (path: string, given: Parameters<typeof parameters>[0]): Promise<JsonObject> => {
      const id = `r-${path.replaceAll(/\W/g, '')}`;
      const answer = await lab.fetch(path, {
        method: 'POST',
        headers: { 'content-type': 'application/fhir+json', 'x-request-id': id },
        body: JSON.stringify(parameters(given)),
      });
      const body = (await answer.json()) as JsonObject;
      const events = await eventsOf(lab, id);
      expect([path, events.length]).toEqual([path, 1]);
      expect(JSON.stringify(events)).toContain(own.slice('Patient/'.length));
      return body;
    };
    const orders = resourcesOf(await asked('ServiceRequest/$order', { patient: own, test: 'fbc' }), 'order');
    const made = await asked('Specimen/$accession', { order: orders.map(refer) });
    const [specimen = {}] = resourcesOf(made, 'specimen');
    for (const step of ['$collect', '$receive', '$aliquot']) await asked(`${refer(specimen)}/${step}`, {});
    const add = { specimen: refer(specimen), test: 'hb' };
    await asked('ServiceRequest/$add-on', add);
    await asked(`${refer(specimen)}/$reject`, { reason: 'RC' });
  });
});
