/**
 * What goes out as ORU^R01, read by our own translation, says the same: generated reports, every version of the standard.
 * Facts are compared (facts.ts): what was said must come back; what the way in adds of its own is left out.
 */
import fc from 'fast-check';
import { expect, test } from '@jest/globals';
import { numberText, parseJson, type JsonObject, type JsonValue } from '../../src/fhir/json.ts';
import { validateResource } from '../../src/fhir/validation/validate.ts';
import { outgoingVersions } from '../../src/hl7v2/outgoing.ts';
import { decodeMessage, encodeEscaped, charsetLabel } from '../../src/hl7v2/charset.ts';
import { parseMessage } from '../../src/hl7v2/message.ts';
import { translate } from '../../src/translation/messages.ts';
import { makeMessage } from '../../src/translation/out/messages.ts';
import type { Writing } from '../../src/translation/out/source.ts';

const base: Writing = {
  version: '2.5.1',
  zone: 'Asia/Riyadh',
  authorities: { 'https://north.example/ids': 'NORTH' },
  from: { application: 'LAB', facility: 'NORTH LAB' },
  to: { application: 'HIS', facility: 'HOSP' },
  acknowledgement: 'original',
  charset: 'UNICODE UTF-8',
  now: '2026-01-31T08:15:00.000Z',
  controlId: 'c1',
};

const words = fc
  .string({
    unit: fc.constantFrom('a', 'B', 'é', 'ل', '漢', '|', '^', '~', '\\', '&', ' ', '\n', '<', '5'),
    minLength: 1,
    maxLength: 12,
  })
  .map((one) => `x${one}x`);

const decimal = fc
  .tuple(fc.integer({ min: -99999, max: 99999 }), fc.constantFrom('', '.0', '.50', '.123456789012345678', '.000'))
  .map(([whole, rest]) => `${whole}${rest}`);

const quantity = fc
  .record({ value: decimal, comparator: fc.constantFrom(undefined, '<', '<=', '>', '>=') })
  .map(
    ({ value, comparator }) =>
      parseJson(
        `{"value":${value}${comparator === undefined ? '' : `,"comparator":"${comparator}"`},"unit":"mmol per L","system":"http://unitsofmeasure.org","code":"mmol/L"}`,
      ) as JsonObject,
  );

const concept = fc.record({
  coding: fc.constantFrom(
    [{ system: 'http://snomed.info/sct', code: '112283007', display: 'Escherichia coli' }],
    [
      { system: 'https://local.example/codes', code: 'EC', display: 'E. coli' },
      { system: 'http://loinc.org', code: 'LA1-2', display: 'E' },
    ],
    [{ system: 'urn:oid:1.2.3', code: 'a b', display: 'c' }],
  ),
});

const time = fc.constantFrom('2026-01-31T08:15:00Z', '2026-01-31T08:15:00.123+05:30', '2026-01-31', '2026-01', '2026');

const value = fc.oneof(
  quantity.map((valueQuantity): JsonObject => ({ valueQuantity })),
  words.map((valueString): JsonObject => ({ valueString })),
  concept.map((valueCodeableConcept) => ({ valueCodeableConcept }) as unknown as JsonObject),
  fc.constant<JsonObject>({ valueDateTime: '2026-01-31T08:15:00+03:00' }),
  fc.constant<JsonObject>({ valueTime: '08:15:30' }),
  fc.constant<JsonObject>({
    valueRange: { low: { value: 1, unit: 'mL' }, high: { value: 2, unit: 'mL' } },
  }),
);

const result = fc.record({
  value,
  status: fc.constantFrom('final', 'preliminary', 'corrected', 'cancelled', 'entered-in-error'),
  code: fc.constantFrom('2823-3', '718-7', '2951-2'),
  effective: time,
  flag: fc.constantFrom(undefined, 'H', 'LL', 'A'),
  range: fc.constantFrom(undefined, '3.5-5.1', '<5', 'negative'),
  note: fc.option(words, { nil: undefined }),
});

type Result = typeof result extends fc.Arbitrary<infer T> ? T : never;

function observation(one: Result, id: string): JsonObject {
  return {
    resourceType: 'Observation',
    id,
    status: one.status,
    code: { coding: [{ system: 'http://loinc.org', code: one.code, display: one.code }] },
    effectiveDateTime: one.effective,
    ...one.value,
    ...(one.flag !== undefined && {
      interpretation: [
        {
          coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation', code: one.flag }],
        },
      ],
    }),
    ...(one.range !== undefined && { referenceRange: [{ text: one.range }] }),
    ...(one.note !== undefined && { note: [{ text: one.note }] }),
  };
}

const patient: JsonObject = {
  resourceType: 'Patient',
  id: 'p',
  identifier: [{ system: 'https://north.example/ids', value: '47|11' }],
  name: [{ family: 'القاسم', given: ['ليلى'] }],
};

/** What both say of a result, in the words of the resource. */
function meaning(found: JsonObject): unknown {
  const values = Object.entries(found).filter(([name]) => name.startsWith('value'));
  const of = (name: string): JsonObject[] => (found[name] ?? []) as JsonObject[];
  const moment = String(found['effectiveDateTime']);
  return {
    status: found['status'],
    code: codings(found['code'] as JsonObject),
    values: values.map(([name, one]) => [
      name,
      name === 'valueCodeableConcept' ? codings(one as JsonObject) : exact(one),
    ]),
    flags: of('interpretation').map(codings),
    ranges: of('referenceRange').map(({ text }) => text),
    notes: of('note').map(({ text }) => text),
    when: moment.includes('T') ? new Date(moment).toISOString() : moment,
  };
}

/** Numbers with their digits. */
function exact(value: JsonValue): JsonValue {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const members = Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(
    members.map(([name, one]) => [name, typeof one === 'number' ? numberText(value, name) : exact(one)]),
  );
}

function codings(one: JsonObject): JsonObject[] {
  return ((one['coding'] ?? []) as JsonObject[]).map(({ system, code }) => ({
    system: system ?? '',
    code: code ?? '',
  }));
}

function roundTrip(
  report: JsonObject,
  resources: readonly JsonObject[],
  writing: Partial<Writing> & { set?: string },
): JsonObject[] {
  const found = new Map(resources.map((one) => [`${String(one['resourceType'])}/${String(one['id'])}`, one]));
  const find = (one: JsonObject | undefined): JsonObject | undefined => found.get(String(one?.['reference']));
  const { set = 'utf-8', ...rest } = writing;
  const text = makeMessage(
    'ORU^R01',
    { root: report, created: true, find },
    { ...base, ...rest, charset: charsetLabel(set) },
  );
  const message = parseMessage(decodeMessage(encodeEscaped(text ?? '', set), set).text);
  let made = 0;
  const settings = { zone: 'Asia/Riyadh', systems: { NORTH: 'https://north.example/ids' }, mapped: () => undefined };
  const { entries, problems } = translate(message, settings, () => String(++made));
  expect(problems.filter(({ severity = 'E' }) => severity === 'E')).toEqual([]);
  for (const { resource } of entries) {
    expect(validateResource(resource).filter(({ severity }) => severity === 'error')).toEqual([]);
  }
  return entries.map(({ resource }) => resource);
}

test('generated reports come back as they were said, in every version and character set', () => {
  const settings = fc.record({
    version: fc.constantFrom(...outgoingVersions),
    set: fc.constantFrom('utf-8', 'cp1256', '8859/1', 'ascii'),
  });
  fc.assert(
    fc.property(fc.array(result, { minLength: 1, maxLength: 6 }), settings, (results, { version, set }) => {
      const observations = results.map((one, i) => observation(one, `o${i}`));
      const report: JsonObject = {
        resourceType: 'DiagnosticReport',
        id: 'r',
        status: 'final',
        code: { coding: [{ system: 'http://loinc.org', code: '24323-8' }] },
        subject: { reference: 'Patient/p' },
        result: observations.map(({ id }) => ({ reference: `Observation/${String(id)}` })),
        effectiveDateTime: '2026-01-31T08:00:00+03:00',
      };
      const back = roundTrip(report, [patient, ...observations], { version, set });
      const found = back.filter(({ resourceType }) => resourceType === 'Observation').map(meaning);
      expect(found).toEqual(observations.map(meaning));
      const [person] = back.filter(({ resourceType }) => resourceType === 'Patient');
      expect(person).toMatchObject({ identifier: patient['identifier'], name: patient['name'] });
    }),
    { numRuns: 150, seed: 20260131 },
  );
});
