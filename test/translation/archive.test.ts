/**
 * Messages of archives, read by our own translations, say the same: generated patients, orders, results and reports; and what
 * does not come back is always named (src/translation/out/unsaid.ts).
 */
import fc from 'fast-check';
import { expect, test } from '@jest/globals';
import { readRecords } from '../../src/astm/record.ts';
import { messagesOf } from '../../src/astm/structure.ts';
import { numberText, parseJson, serializeJson, type JsonObject } from '../../src/fhir/json.ts';
import { parseMessage } from '../../src/hl7v2/message.ts';
import { translateResults } from '../../src/translation/astm/results.ts';
import { resultsMessage } from '../../src/translation/astm/written.ts';
import { translate } from '../../src/translation/messages.ts';
import { makeMessage } from '../../src/translation/out/messages.ts';
import type { Writing } from '../../src/translation/out/source.ts';
import { unsaidOf } from '../../src/translation/out/unsaid.ts';
import type { Entry } from '../../src/translation/translation.ts';

const zone = 'Asia/Riyadh';
const writing: Writing = {
  version: '2.5.1',
  zone,
  authorities: {},
  from: { application: 'MAKHBAR', facility: 'north' },
  to: { application: '', facility: '' },
  acknowledgement: 'original',
  charset: 'UNICODE UTF-8',
  now: '2026-01-31T08:15:00.000Z',
  controlId: 'c1',
};
const settings = { zone, systems: {}, mapped: () => undefined };

const signs = ['a', 'B', 'é', 'ل', 'ى', '漢', '|', '^', '~', '\\', '&', '<', '5'];
const text = (more: readonly string[] = [' '], maxLength = 14): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...signs, ...more), minLength: 1, maxLength }).map((one) => `x${one}x`);
const word = text([]);
const long = fc.oneof(text([' ', '\n']), text([' ', '\n'], 3_000));

const decimal = fc
  .tuple(fc.integer({ min: -99999, max: 99999 }), fc.constantFrom('', '.0', '.00', '.50', '.123456789012345678'))
  .map(([whole, rest]) => `${whole}${rest}`);
const quantity = fc
  .tuple(decimal, fc.constantFrom('', '"comparator":"<",', '"comparator":">=",'))
  .map(([value, comparator]) => parseJson(`{${comparator}"value":${value},"unit":"mmol/L"}`) as JsonObject);

const identifier = fc.record({
  system: fc.constantFrom(
    'https://north.example/ids',
    'urn:oid:1.2.3.4',
    'urn:uuid:53fefa32-fcbb-4ff8-8a92-55ee120877b7',
  ),
  value: word,
});
const patient = fc
  .record({
    identifier: fc.uniqueArray(identifier, {
      minLength: 1,
      maxLength: 3,
      selector: ({ system, value }) => `${system}|${value}`,
    }),
    name: fc.array(
      fc.record({
        use: fc.constantFrom('official', 'nickname'),
        family: text(),
        given: fc.uniqueArray(word, { minLength: 1, maxLength: 3 }),
      }),
      { maxLength: 2 },
    ),
    gender: fc.constantFrom('male', 'female', 'other', 'unknown'),
    birthDate: fc.constantFrom('1980', '1980-02', '1980-02-29'),
    address: fc.array(
      fc.record({ line: fc.array(text(), { minLength: 1, maxLength: 1 }), city: text(), country: fc.constant('SA') }),
      {
        maxLength: 2,
      },
    ),
    telecom: fc.array(
      fc.record({ system: fc.constant('phone'), value: word, use: fc.constantFrom('home', 'work', 'mobile') }),
      {
        maxLength: 2,
      },
    ),
  })
  .map((members) => plain({ resourceType: 'Patient', id: 'p', ...members }));

const coding = fc.constantFrom(
  { system: 'http://loinc.org', code: '2823-3', display: 'Potassium' },
  { system: 'http://snomed.info/sct', code: '112283007', display: 'E. coli' },
  { system: 'https://local.example/codes', code: 'K', display: 'ك | K' },
);
const concept = coding.map((one) => ({ coding: [one] }));

const order = fc
  .record({
    status: fc.constantFrom('active', 'completed', 'revoked', 'on-hold'),
    code: concept,
    priority: fc.constantFrom('routine', 'stat'),
    identifier: fc.array(identifier, { minLength: 1, maxLength: 1 }),
    authoredOn: fc.constantFrom('2026-01-31T08:15:00+03:00', '2026-01-31'),
    note: fc.array(fc.record({ text: long }), { maxLength: 2 }),
  })
  .map((members) =>
    plain({
      resourceType: 'ServiceRequest',
      id: 's',
      intent: 'order',
      subject: { reference: 'Patient/p' },
      ...members,
    }),
  );

const result = fc
  .record({
    status: fc.constantFrom('final', 'corrected', 'preliminary', 'entered-in-error', 'cancelled'),
    code: concept,
    effectiveDateTime: fc.constantFrom('2026-01-31T08:15:00Z', '2026-01-31T08:15:00.123+05:30', '2026-01-31'),
    value: fc.oneof(
      quantity.map((valueQuantity): JsonObject => ({ valueQuantity })),
      fc.constantFrom('1:160', '<5', '1.00', 'neg').map((valueString): JsonObject => ({ valueString })),
      long.map((valueString): JsonObject => ({ valueString })),
      concept.map((valueCodeableConcept) => ({ valueCodeableConcept }) as unknown as JsonObject),
    ),
    referenceRange: fc.constantFrom([], [{ text: '3.5-5.1' }], [{ text: '< 5 ~ x' }]),
    note: fc.array(fc.record({ text: long }), { maxLength: 2 }),
  })
  .map(({ value, ...members }) => ({ ...plain(members), ...value }));

/** Without what says nothing. */
function plain(members: object): JsonObject {
  return Object.fromEntries(
    Object.entries(members).filter(([, value]) => !Array.isArray(value) || value.length > 0),
  ) as JsonObject;
}

function observation(members: JsonObject, id: string): JsonObject {
  return { resourceType: 'Observation', id, subject: { reference: 'Patient/p' }, ...members };
}

function readBack(type: string, root: JsonObject, others: readonly JsonObject[]): readonly Entry[] {
  const known = new Map([root, ...others].map((one) => [`${String(one['resourceType'])}/${String(one['id'])}`, one]));
  const find = (one: JsonObject | undefined): JsonObject | undefined => known.get(String(one?.['reference']));
  const made = makeMessage(type, { root, created: true, find }, writing) ?? '';
  let number = 0;
  const { entries, problems } = translate(parseMessage(made), settings, () => String(++number));
  expect(problems.filter(({ severity = 'E' }) => severity === 'E')).toEqual([]);
  return entries;
}

function ofType(entries: readonly Entry[], type: string): JsonObject[] {
  return entries.map(({ resource }) => resource).filter(({ resourceType }) => resourceType === type);
}

test('patients', () => {
  fc.assert(
    fc.property(patient, (given) => {
      const read = readBack('ADT^A28', given, []);
      expect(unsaidOf([given], read)).toEqual([]);
      const [back] = ofType(read, 'Patient');
      const { id: _id, telecom, ...said } = given;
      expect(back).toMatchObject(said);
      expect(numbersOf(back?.['telecom'])).toEqual(numbersOf(telecom));
    }),
    { numRuns: 200, seed: 1 },
  );
});

/** Numbers for home come before those for work. */
function numbersOf(telecom: JsonObject[string] | undefined): string[] {
  return ((telecom ?? []) as JsonObject[]).map(({ value }) => String(value)).sort((a, b) => (a < b ? -1 : 1));
}

test('orders', () => {
  fc.assert(
    fc.property(order, patient, (given, person) => {
      const read = readBack('OML^O21', given, [person]);
      expect(unsaidOf([given], read)).toEqual([]);
      const [back] = ofType(read, 'ServiceRequest');
      const { status, code, note = [], identifier: numbers } = given as Record<string, JsonObject[]>;
      expect(back).toMatchObject({
        status,
        code: { coding: (code as unknown as JsonObject)['coding'] },
        identifier: numbers,
      });
      const notes = (note as JsonObject[]).map((one) => one['text']).join('\n');
      expect(((back?.['note'] ?? [{ text: '' }]) as JsonObject[])[0]?.['text']).toBe(notes);
    }),
    { numRuns: 200, seed: 2 },
  );
});

test('reports with their results', () => {
  fc.assert(
    fc.property(fc.array(result, { minLength: 1, maxLength: 5 }), patient, long, (results, person, conclusion) => {
      const observations = results.map((one, i) => observation(one, `o${i}`));
      const report: JsonObject = {
        resourceType: 'DiagnosticReport',
        id: 'r',
        status: 'corrected',
        code: { coding: [{ system: 'http://loinc.org', code: '24323-8', display: 'Panel' }] },
        subject: { reference: 'Patient/p' },
        result: observations.map(({ id }) => ({ reference: `Observation/${String(id)}` })),
        conclusion,
        presentedForm: [
          { contentType: 'application/pdf', data: Buffer.from(conclusion).toString('base64'), title: 'R' },
        ],
      };
      const read = readBack('ORU^R01', report, [person, ...observations]);
      expect(unsaidOf([report, ...observations], read)).toEqual([]);
      const back = ofType(read, 'Observation');
      expect(back.map(valueOf)).toEqual(observations.map(valueOf));
      expect(back.map(({ status }) => status)).toEqual(observations.map(({ status }) => status));
      expect(ofType(read, 'DiagnosticReport')).toMatchObject([{ conclusion, presentedForm: report['presentedForm'] }]);
    }),
    { numRuns: 200, seed: 3 },
  );
});

/** The value with its digits. */
function valueOf(one: JsonObject): string {
  const [name = '', value] = Object.entries(one).find(([member]) => member.startsWith('value')) ?? [];
  if (name !== 'valueQuantity') {
    const { text: _text, ...said } = (typeof value === 'object' ? value : { value }) as JsonObject;
    return `${name} ${serializeJson(said)}`;
  }
  const { comparator = '', unit } = value as JsonObject;
  return `${String(comparator)} ${numberText(value as JsonObject, 'value')} ${String(unit)}`;
}

/** What LIS02-A2 has words for. */
const astmResult = fc
  .record({
    status: fc.constantFrom('final', 'corrected', 'preliminary'),
    code: concept,
    value: fc.oneof(
      quantity.map((valueQuantity): JsonObject => ({ valueQuantity })),
      fc.constantFrom('1:160', 'neg').map((valueString): JsonObject => ({ valueString })),
      long.map((valueString): JsonObject => ({ valueString })),
    ),
    referenceRange: fc.constantFrom([], [{ text: '3.5-5.1' }]),
    note: fc.array(fc.record({ text: long }), { maxLength: 1 }),
  })
  .map(({ value, ...members }) => ({ ...plain(members), effectiveDateTime: '2026-01-31T08:15:00+03:00', ...value }));

function astmBack(results: readonly JsonObject[], person: JsonObject): Entry[] {
  const number = 'T|^1';
  const made = resultsMessage(
    { number, patient: person, results },
    { zone, sender: 'n|rth', now: writing.now, find: () => undefined },
  );
  const patientNumbers = ((person['identifier'] ?? []) as JsonObject[]).map(({ value }) => String(value));
  const work = {
    specimen: { reference: 'Specimen/t' },
    subject: { reference: 'Patient/p' },
    patientNumbers,
    requests: [],
  };
  const [message, ...others] = messagesOf(readRecords(Buffer.from(made)).records);
  expect(others).toEqual([]);
  if (message === undefined) return [];
  let count = 0;
  const known = { ...settings, sender: 's', work: (one: string) => (one === number ? work : undefined) };
  const { entries, problems } = translateResults(message, known, () => String(++count));
  expect(problems.filter(({ severity = 'E' }) => severity === 'E')).toEqual([]);
  return [...entries];
}

test('results in ASTM', () => {
  fc.assert(
    fc.property(fc.array(astmResult, { minLength: 1, maxLength: 5 }), patient, (results, person) => {
      const observations = results.map((one, i) => observation(one, `o${i}`));
      const read = astmBack(observations, person);
      expect(unsaidOf(observations, read)).toEqual([]);
      expect(ofType(read, 'Observation').map(valueOf)).toEqual(observations.map(valueOf));
    }),
    { numRuns: 200, seed: 4 },
  );
});

const base = observation({ status: 'final', code: { coding: [{ system: 'http://loinc.org', code: '1' }] } }, 'o');

test.each<[string, JsonObject, string]>([
  ['an extension', { extension: [{ url: 'urn:x', valueString: 'y' }] }, 'Observation.extension.url'],
  ['a label', { meta: { security: [{ code: 'R' }] } }, 'Observation.meta.security.code'],
  ['an integer', { valueInteger: 5 }, 'Observation.valueInteger'],
  [
    'a third coding',
    { code: { coding: ['1', '2', '3'].map((code) => ({ system: 'http://loinc.org', code })) } },
    'Observation.code.coding.code',
  ],
  ['what it is derived from', { derivedFrom: [{ reference: 'Observation/2' }] }, 'Observation.derivedFrom'],
  ['a time of a note', { note: [{ text: 'a', time: '2026-01-31' }] }, 'Observation.note.time'],
  ['a narrative of its own', { text: { status: 'additional', div: '<div>x</div>' } }, 'Observation.text.div'],
])('what does not come back is named: %s', (_, more, element) => {
  const given = { ...base, ...more };
  const report: JsonObject = {
    resourceType: 'DiagnosticReport',
    id: 'r',
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code: '2' }] },
    subject: { reference: 'Patient/p' },
    result: [{ reference: 'Observation/o' }],
  };
  const person: JsonObject = { resourceType: 'Patient', id: 'p', identifier: [{ system: 'urn:x', value: '1' }] };
  const [unsaid] = unsaidOf([given], readBack('ORU^R01', report, [person, given]));
  expect(unsaid?.elements).toContain(element);
  expect(unsaidOf([base], readBack('ORU^R01', report, [person, base]))).toEqual([]);
});
