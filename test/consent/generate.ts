/** Random consents about the world of test/search/generate.ts. */
import fc from 'fast-check';
import { action, confidentiality, consent, purpose, recipient, type Json } from './provisions.ts';

const pick = fc.constantFrom;
/** Mostly not: what demands everything meets nothing. */
const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary });
const some = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(arbitrary, { minLength: 1, maxLength: 2 });

const ids = ['1', '2', '3', '4', '5', '6', '8', '9'];
const system = pick('http://loinc.org', 'http://local');
const code = fc.record({ system, code: pick('a', 'B', 'c-1') }).map((coding) => ({ coding: [coding] }));

const data = fc
  .record({
    meaning: pick('instance', 'related', 'dependents', 'authoredby'),
    type: pick('Observation', 'Observation', 'Practitioner', 'Organization', 'Patient'),
    id: pick(...ids),
  })
  .map(({ meaning, type, id }) => ({ meaning, reference: { reference: `${type}/${id}` } }));

const demands = fc.record({
  actor: maybe(some(pick('Practitioner/1', 'Practitioner/2', 'Organization/1').map(recipient))),
  purpose: maybe(some(pick('TREAT', 'ETREAT', 'HRESCH', 'HOPERAT').map(purpose))),
  action: maybe(some(pick('access', 'use', 'disclose', 'correct').map(action))),
  period: maybe(pick({ start: '2020' }, { start: '2020', end: '2099' }, { end: '2021-05' }, { start: '2098' })),
});

const selection = fc.oneof(
  { weight: 2, arbitrary: fc.constant({}) },
  {
    weight: 3,
    arbitrary: fc.oneof(
      some(code).map((one) => ({ code: one })),
      some(pick('N', 'R', 'V').map(confidentiality)).map((securityLabel) => ({ securityLabel })),
      some(data).map((one) => ({ data: one })),
      pick('Observation', 'Patient').map((type) => ({
        class: [{ system: 'http://hl7.org/fhir/resource-types', code: type }],
      })),
      pick({ start: '2024-02' }, { start: '2024', end: '2024-02-29' }, { end: '2023' }).map((dataPeriod) => ({
        dataPeriod,
      })),
    ),
  },
);

function provision(depth: number): fc.Arbitrary<Json> {
  const nested = depth === 0 ? fc.constant([]) : fc.array(provision(depth - 1), { maxLength: 2 });
  return fc
    .record({ type: pick('permit', 'deny'), demands, selection, nested })
    .map(({ type, demands: who, selection: what, nested: provisions }) => ({
      type,
      ...Object.fromEntries(Object.entries(who).filter(([, value]) => value !== undefined)),
      ...what,
      ...(provisions.length > 0 && { provision: provisions }),
    }));
}

/** Consents with ids c1, c2 …; some of them are withdrawn. */
export function randomConsents(count: number, seed: number): Json[] {
  const one = fc.record({
    patient: pick(...ids),
    base: provision(2),
    status: pick('active', 'active', 'active', 'inactive'),
  });
  return fc
    .sample(one, { numRuns: count, seed })
    .map(({ patient, base, status }, i) =>
      consent(`c${i + 1}`, base, { status, patient: { reference: `Patient/${patient}` } }),
    );
}

/** What of a caller consents and labels look at. */
export const randomBound = fc.record({
  consent: fc.constant('enforced' as const),
  purposes: pick(['TREAT'], ['ETREAT'], ['HRESCH'], ['HOPERAT'], ['TREAT', 'HRESCH']),
  actors: fc.subarray(['Practitioner/1', 'Practitioner/2', 'Organization/1']),
  clearance: pick('all' as const, ['U', 'L', 'M', 'N'], ['U', 'L', 'M', 'N', 'R'], ['R', 'V']),
});
