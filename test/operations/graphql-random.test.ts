/** $graphql with random selections of its own schema, and with broken documents: answered or refused, never a fault. */
import { beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  getNamedType,
  isInterfaceType,
  isLeafType,
  isObjectType,
  isRequiredArgument,
  type GraphQLObjectType,
} from 'graphql';
import { schemaFor } from '../../src/operations/graphql-schema.ts';
import { defaultParameters } from '../../src/search/parameters.ts';
import { makeLaboratory, type Laboratory } from '../server.ts';
import { concept, digits, observation, patient, store } from './store.ts';

let lab: Laboratory;

beforeAll(async () => {
  lab = await makeLaboratory();
  await store(lab, [
    patient('p', {
      name: [{ family: 'A', given: ['B', 'C'], _given: [null, { id: 'x' }], period: { start: '2020' } }],
      contact: [{ name: { text: 'D' }, telecom: [{ system: 'phone', value: '1' }] }],
      managingOrganization: { reference: '#o' },
      contained: [{ resourceType: 'Organization', id: 'o', name: 'O' }],
      link: [{ other: { reference: 'Patient/p' }, type: 'seealso' }],
    }),
    observation('o', 'Patient/p', {
      code: concept('a', '"text"'),
      valueQuantity: { value: digits('1.10'), unit: 'mg' },
      component: [{ code: concept('b'), valueString: 'x', referenceRange: [{ text: 'r' }] }],
      hasMember: [{ reference: 'Observation/o' }],
    }),
  ]);
});

async function status(query: string): Promise<number> {
  const body = JSON.stringify({ query });
  const answer = await lab.fetch('$graphql', { method: 'POST', body, headers: { 'content-type': 'application/json' } });
  const json = (await answer.json()) as { data: unknown; errors?: unknown[] };
  expect(answer.status === 200 ? json.data !== null : Array.isArray(json.errors)).toBe(true);
  return answer.status;
}

const reorganising = ['', '', '', '', ' @first', ' @flatten', ' @slice(path: "id")'];

/** A selection by choices; `next` gives a number below its argument. */
function selection(type: GraphQLObjectType, next: (below: number) => number, depth: number): string {
  const fields = Object.values(type.getFields()).filter(
    ({ args, type: of }) =>
      !args.some(isRequiredArgument) &&
      (depth > 0 || isLeafType(getNamedType(of))) &&
      !isInterfaceType(getNamedType(of)),
  );
  const chosen = Array.from({ length: 1 + next(4) }, () => fields[next(fields.length)]);
  const parts = [...new Set(chosen)].flatMap((field) => {
    if (field === undefined) return [];
    const of = getNamedType(field.type);
    if (!isObjectType(of)) return [field.name];
    return [`${field.name}${reorganising[next(reorganising.length)] ?? ''} ${selection(of, next, depth - 1)}`];
  });
  return `{ __typename ${parts.join(' ')} }`;
}

const choices = fc.array(fc.nat(10_000), { minLength: 60, maxLength: 60 });

test('random selections are answered', async () => {
  const schema = schemaFor(['Observation', 'Patient'], undefined, defaultParameters);
  const type = (name: string): GraphQLObjectType => schema.getType(name) as GraphQLObjectType;
  const run = fc.asyncProperty(choices, fc.constantFrom('Patient', 'Observation'), async (numbers, name) => {
    let at = 0;
    const next = (below: number): number => (numbers[at++ % numbers.length] ?? 0) % below;
    const query = `{ ${name}List ${selection(type(name), next, 4)} }`;
    // Flattened together, members of one name may be of several types, which is refused.
    const possible = query.includes('@flatten') ? [200, 422] : [200];
    expect([query, possible.includes(await status(query))]).toEqual([query, true]);
  });
  await fc.assert(run, { numRuns: 150 });
});

const whole = [
  '{ PatientList(_id: [p], _sort: _id) { id name(use: official, fhirpath: "family.exists()") @flatten { given @first family @singleton } } }',
  'query q($n: Int = 2) { a: ObservationConnection(code: "a|b", _count: $n) { count next edges { mode resource { ...f } } } } fragment f on Observation { subject { resource(optional: true) { ... on Patient { id @skip(if: false) } } } }',
  '{ __type(name: "Patient") { fields { name args { name type { ofType { name } } } } } Patient(id: "p") { contained { id } } }',
];

const pieces = [
  '{',
  '}',
  '(',
  ')',
  '@',
  '$',
  '...',
  ':',
  '"',
  '"""',
  '!',
  '[',
  ']',
  ' on ',
  '__',
  '\\u0000',
  'null',
  '-1',
  '1e999',
  'Bundle',
  '#',
  '',
];

test('broken documents are refused', async () => {
  const broken = fc.record({
    document: fc.constantFrom(...whole),
    cuts: fc.array(fc.tuple(fc.nat(400), fc.nat(12), fc.constantFrom(...pieces)), { minLength: 1, maxLength: 4 }),
  });
  const run = fc.asyncProperty(broken, async ({ document, cuts }) => {
    const text = cuts.reduce((before, [at, length, piece]) => {
      const place = at % before.length;
      return `${before.slice(0, place)}${piece}${before.slice(place + length)} `;
    }, document);
    expect([text, [200, 400, 404, 422].includes(await status(text))]).toEqual([text, true]);
  });
  await fc.assert(run, { numRuns: 150 });
});
