/** Registration: who may be the same person, why, and making two records one and two again. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import type { JsonObject } from '../../src/fhir/json.ts';
import { likenessOf } from '../../src/laboratory/patient-match.ts';
import { plainWords, skeleton, wordLikeness } from '../../src/laboratory/person-name.ts';
import { objects } from '../../src/laboratory/terms.ts';
import { eventsOf } from '../audit/log.ts';
import { makeLaboratory, signIn, type Laboratory } from '../server.ts';
import { addPatient, done, parameters, resourcesOf, send } from './laboratory.ts';

const person = (family: string, given: string, more: JsonObject = {}): JsonObject => ({
  resourceType: 'Patient',
  name: [{ family, given: [given] }],
  ...more,
});
const born = { birthDate: '1987-03-09', gender: 'female' };

describe('names', () => {
  test.each([
    ['أحمد', 'احمد'],
    ['فَاطِمَة', 'فاطمه'],
    ['مُصطفى', 'مصطفي'],
    ['الحداد', 'حداد'],
    ['Al-Haddad', 'haddad'],
    ['Chérif', 'CHERIF'],
  ])('%s is written as %s', (a, b) => expect(plainWords(a)).toEqual(plainWords(b)));

  test.each([
    ['محمد', 'Mohammed', 'mhmd'],
    ['محمد', 'Muhamad', 'mhmd'],
    ['أحمد', 'Ahmed', 'hmd'],
    ['فاطمة', 'Fatimah', 'ftm'],
    ['يوسف', 'Youssef', 'sf'],
    ['خليل', 'Khalil', 'kll'],
    ['حداد', 'Haddad', 'hdd'],
    ['إبراهيم', 'Ibrahim', 'brhm'],
    ['عائشة', 'Aicha', 's'],
    ['القاسم', 'Qasim', 'ksm'],
  ])('%s and %s have the skeleton %s', (arabic, latin, consonants) => {
    const words = [plainWords(arabic), plainWords(latin)].map(([word = '']) => skeleton(word));
    expect(words).toEqual([consonants, consonants]);
  });

  test.each([
    ['layla', 'leila', 0.9, 1],
    ['haddad', 'hadad', 0.9, 1],
    ['haddad', 'khoury', 0, 0.6],
    ['', 'khoury', 0, 0],
  ])('%s and %s', (a, b, least, most) => {
    expect(wordLikeness(a, b)).toBeGreaterThanOrEqual(least);
    expect(wordLikeness(a, b)).toBeLessThanOrEqual(most);
  });
});

describe('likeness', () => {
  const leila = person('Haddad', 'Leila', { ...born, telecom: [{ system: 'phone', value: '+216 20 123 456' }] });
  const mrn = { identifier: [{ system: 'urn:mrn', value: '7' }] };
  test.each<[string, JsonObject, JsonObject, string]>([
    ['the same', leila, leila, 'certain'],
    ['in another script', leila, person('حداد', 'ليلى', born), 'certain'],
    ['names exchanged', leila, person('Leila', 'Haddad', born), 'certain'],
    ['day and month exchanged', leila, person('Hadad', 'Layla', { ...born, birthDate: '1987-09-03' }), 'probable'],
    ['another birth date', leila, person('Haddad', 'Leila', { ...born, birthDate: '1990-01-01' }), 'certainly-not'],
    ['another name', leila, person('Khoury', 'Maria', born), 'possible'],
    ['a namesake of whom nothing else is known', leila, person('Haddad', 'Leila'), 'possible'],
    ['the same identifier', { ...leila, ...mrn }, { ...person('Khoury', 'Leila', born), ...mrn }, 'certain'],
    [
      'the same identifier and nothing else',
      { ...leila, ...mrn },
      { ...person('Khoury', 'Maria', { birthDate: '1950-01-01' }), ...mrn },
      'certainly-not',
    ],
    ['nothing known', { resourceType: 'Patient' }, leila, 'certainly-not'],
  ])('%s', (_name, a, b, grade) => {
    const found = likenessOf(a, b);
    expect([found.grade, found]).toEqual([grade, likenessOf(b, a)]);
  });
});

describe('in a laboratory', () => {
  let lab: Laboratory;
  beforeAll(async () => {
    lab = await makeLaboratory();
  }, 60_000);

  test('$match finds, scores and explains; one event names who was shown', async () => {
    const id = await addPatient(
      lab,
      person('حداد', 'ليلى', { ...born, identifier: [{ system: 'urn:mrn', value: '1,2' }] }),
    );
    await addPatient(lab, person('Khoury', 'Maria', { birthDate: '1950-01-01' }));
    const ask = async (patient: JsonObject, more = {}): Promise<JsonObject[]> => {
      const { status, body } = await send(lab, 'Patient/$match', parameters({ resource: patient, ...more }));
      expect(status).toBe(200);
      return objects(body['entry']);
    };
    const [entry = {}, ...others] = await ask(person('Haddad', 'Leyla', born));
    expect([`Patient/${String((entry['resource'] as JsonObject)['id'])}`, others]).toEqual([id, []]);
    const search = entry['search'] as JsonObject;
    expect(search).toMatchObject({ mode: 'match', score: expect.any(Number) });
    expect(objects(search['extension']).map((one) => one['valueCode'] ?? one['valueString'])).toEqual([
      expect.stringMatching(/certain|probable/),
      expect.stringMatching(/^name \d+ %, birth date 100 %, sex 100 %$/),
    ]);
    const byNumber = await ask({ resourceType: 'Patient', identifier: [{ system: 'urn:mrn', value: '1,2' }] });
    expect(byNumber).toHaveLength(1);
    expect(
      await ask(person('Haddad', 'Leyla', { ...born, birthDate: '1987-09-03' }), { onlyCertainMatches: true }),
    ).toEqual([]);
    expect(await ask({ resourceType: 'Patient' })).toEqual([]);
    const asked = { method: 'POST', headers: { 'content-type': 'application/fhir+json', 'x-request-id': 'match' } };
    await lab.fetch('Patient/$match', {
      ...asked,
      body: JSON.stringify(parameters({ resource: person('Haddad', 'Leila', born) })),
    });
    const events = await eventsOf(lab, 'match');
    expect([events.length, JSON.stringify(events)]).toEqual([1, expect.stringContaining(id.slice('Patient/'.length))]);
  });

  test('$match wants a Patient, and shows what the caller may see', async () => {
    const answer = await send(lab, 'Patient/$match', parameters({ resource: { resourceType: 'Group' } }));
    expect([answer.status, answer.said]).toEqual([400, expect.stringContaining('is a Patient')]);
    await addPatient(lab, person('Bencheikh', 'Omar', { ...born, gender: 'male' }));
    const bound = await signIn(lab.tenant, 'user/Patient.rs?gender=female', 'somebody');
    const { body } = await send(bound, 'Patient/$match', parameters({ resource: person('Bencheikh', 'Omar', born) }));
    expect(JSON.stringify(body)).not.toContain('Omar');
    const blind = await signIn(lab.tenant, 'user/Observation.rs', 'somebody');
    expect((await send(blind, 'Patient/$match', parameters({ resource: person('Bencheikh', 'Omar') }))).status).toBe(
      403,
    );
  });

  test('$merge links two records, $unmerge parts them as they were', async () => {
    const identifier = (value: string): JsonObject => ({ identifier: [{ system: 'urn:mrn', value }] });
    const source = await addPatient(lab, person('Haddad', 'Leila', identifier('10')));
    const target = await addPatient(lab, person('Haddad', 'Layla', identifier('11')));
    const before = (await (await lab.fetch(target)).json()) as JsonObject;
    const both = { source, target, reason: 'registered twice' };
    const joined = await done(lab, 'Patient/$merge', both);
    expect(resourcesOf(joined, 'source')[0]).toMatchObject({
      active: false,
      link: [{ other: { reference: target }, type: 'replaced-by' }],
    });
    expect(resourcesOf(joined, 'target')[0]).toMatchObject({
      identifier: [{ value: '11' }, { value: '10', use: 'old' }],
      link: [{ other: { reference: source }, type: 'replaces' }],
    });
    for (const [given, sentence] of [
      [both, `replaced by ${target}`],
      [{ ...both, source: target, target: source }, `replaced by ${target}`],
    ] as const) {
      const twice = await send(lab, 'Patient/$merge', parameters(given));
      expect([twice.status, twice.said]).toEqual([409, expect.stringContaining(sentence)]);
    }
    const self = await send(lab, 'Patient/$merge', parameters({ ...both, target: source }));
    expect(self.status).toBe(422);
    const order = await send(lab, 'ServiceRequest/$order', parameters({ patient: source, test: 'fbc' }));
    expect([order.status, order.said]).toEqual([422, expect.stringContaining('is not active')]);
    const apart = await done(lab, 'Patient/$unmerge', { ...both, reason: 'they are two' });
    const { meta: _now, ...now } = resourcesOf(apart, 'target')[0] ?? {};
    const { meta: _then, ...then } = before;
    expect(now).toEqual(then);
    expect(resourcesOf(apart, 'source')[0]).toMatchObject({ active: true });
    const again = await send(lab, 'Patient/$unmerge', parameters(both));
    expect([again.status, again.said]).toEqual([409, expect.stringContaining('nothing to take back')]);
    const other = await makeLaboratory();
    expect((await send(other, 'Patient/$merge', parameters(both))).status).toBe(404);
  });

  test('what is about one goes with him and comes back, to the last digit', async () => {
    const [source, target] = [
      await addPatient(lab, person('Said', 'Mona', born)),
      await addPatient(lab, person('Sayed', 'Mouna', born)),
    ];
    const text = async (name: string): Promise<string> => (await lab.fetch(name)).text();
    const without = (written: string): JsonObject => {
      const { meta: _meta, ...rest } = JSON.parse(written.replace(/("value":\s*)([\d.]+)/g, '$1"$2"')) as JsonObject;
      return rest;
    };
    const made = async (resource: JsonObject): Promise<string> => {
      const { body } = await send(lab, String(resource['resourceType']), resource);
      return `${String(body['resourceType'])}/${String(body['id'])}`;
    };
    const observation = (value: string, of: string): Promise<Response> =>
      lab.fetch('Observation', {
        method: 'POST',
        headers: { 'content-type': 'application/fhir+json', prefer: 'return=representation' },
        body: `{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"${of}"},
          "valueQuantity":{"value":${value}}}`,
      });
    const nameOf = async (answer: Response): Promise<string> =>
      `Observation/${String(((await answer.json()) as JsonObject)['id'])}`;
    const exact = await nameOf(await observation('4.100', source));
    const touched = await nameOf(await observation('5.0', source));
    const order = await made({
      ...{ resourceType: 'ServiceRequest', status: 'active', intent: 'order', code: { text: 'x' } },
      subject: { reference: source },
    });
    const list = await made({
      ...{ resourceType: 'List', status: 'current', mode: 'working', subject: { reference: source } },
      entry: [{ item: { reference: target } }, { item: { reference: source } }],
    });
    const names = [exact, list, order];
    const before = await Promise.all(names.map(text));
    const both = { source, target, reason: 'registered twice' };
    await done(lab, 'Patient/$merge', both);
    const seen = async (patient: string): Promise<number> =>
      ((await (await lab.fetch(`Observation?subject=${patient}`)).json()) as { total: number }).total;
    expect([await seen(target), await seen(source)]).toEqual([2, 0]);
    expect(await text(order)).toContain(target);
    const changed = JSON.parse(await text(touched)) as JsonObject;
    expect((await send(lab, touched, { ...changed, status: 'amended' }, 'PUT')).status).toBe(200);
    const later = await nameOf(await observation('6', target));
    await done(lab, 'Patient/$unmerge', { ...both, reason: 'they are two' });
    expect((await Promise.all(names.map(text))).map(without)).toEqual(before.map(without));
    expect(await text(exact)).toContain('4.100');
    const still = JSON.parse(await text(touched)) as JsonObject;
    expect([still['status'], still['subject']]).toEqual(['amended', { reference: source }]);
    expect([await seen(target), await text(later)]).toEqual([1, expect.stringContaining(target)]);
  });

  test('who was merged on is parted from the last first', async () => {
    const three = await Promise.all(['A', 'B', 'C'].map((given) => addPatient(lab, person('Zayd', given))));
    const [a, b, c] = three as [string, string, string];
    await done(lab, 'Patient/$merge', { source: a, target: b, reason: 'one' });
    await done(lab, 'Patient/$merge', { source: b, target: c, reason: 'one' });
    const early = await send(lab, 'Patient/$unmerge', parameters({ source: a, target: b, reason: 'two' }));
    expect([early.status, early.said]).toEqual([
      409,
      expect.stringContaining(`replaced by ${c}: take that back first`),
    ]);
    await done(lab, 'Patient/$unmerge', { source: b, target: c, reason: 'two' });
    await done(lab, 'Patient/$unmerge', { source: a, target: b, reason: 'two' });
  });
});
