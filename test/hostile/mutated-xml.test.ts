/**
 * The seeds as the server itself writes them in XML, with a piece cut, repeated or put in at some place: nothing but a
 * 4xx with a sentence, or a success where it is still valid; versions grow by what was acknowledged.
 *
 * HOSTILE_RUNS sets the number of inputs.
 */
import { beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { connect, type Answer, type Client } from '../../conformance/client.ts';
import { makeLaboratory } from '../server.ts';
import { seeds } from './seeds.ts';
import { acknowledged, versionsOf, wrongWith } from './verdict.ts';

const numRuns = Number(process.env['HOSTILE_RUNS'] ?? 60) * 4;
const xml = { accept: 'application/fhir+xml', prefer: 'return=representation' };
let client: Client;
let documents: string[];

beforeAll(async () => {
  const { base, token } = await makeLaboratory();
  client = connect(base, token);
  const answers = await Promise.all(
    seeds.map((body) => client.send('POST', String(body['resourceType']), { body, headers: xml })),
  );
  documents = answers.filter((answer) => answer.status === 201).map((answer) => answer.text);
  expect(documents.length).toBeGreaterThanOrEqual(4);
});

const fragments = [
  '<',
  '>',
  '&',
  '&#0;',
  '&#xD800;',
  '&lt;',
  '"',
  "'",
  '/>',
  '</Patient>',
  '<active value="true"/>',
  '<!-- x -->',
  '<![CDATA[x]]>',
  '<?x y?>',
  '<!DOCTYPE x>',
  ' xmlns="urn:x"',
  ' value=""',
  ' id="a b"',
  '<extension url="u"/>',
  '<contained/>',
  'text',
  '\u0000',
  '\u202e',
  '\ufeff',
];

type Change = (text: string, at: number, length: number, fragment: string) => string;

const changes: readonly Change[] = [
  (text, at, _length, fragment) => text.slice(0, at) + fragment + text.slice(at),
  (text, at, length, fragment) => text.slice(0, at) + fragment + text.slice(at + length),
  (text, at, length) => text.slice(0, at) + text.slice(at + length),
  (text, at, length) => text.slice(0, at + length) + text.slice(at),
  (text, at) => text.slice(0, at),
  (text, at, length) =>
    text.replace(/value="[^"]*"/g, (found, offset: number) => (offset % (length + 2) === at % 2 ? 'value="x"' : found)),
];

const mutations = fc.record({
  document: fc.nat(),
  change: fc.constantFrom(...changes),
  at: fc.nat(),
  length: fc.nat(60),
  fragment: fc.constantFrom(...fragments),
});

const places: Readonly<Record<string, (type: string) => string>> = {
  create: (type) => type,
  validate: (type) => `${type}/$validate`,
};

test.each(Object.keys(places))('mutated XML in %s', async (place) => {
  const before = await versionsOf(client);
  let made = 0;
  await fc.assert(
    fc.asyncProperty(mutations, async ({ document, change, at, length, fragment }) => {
      const text = documents[document % documents.length]!;
      const type = /<([A-Z][A-Za-z]+)/.exec(text)?.[1] ?? 'Patient';
      const headers = { 'content-type': 'application/fhir+xml' };
      const body = change(text, at % text.length, length, fragment);
      const answer: Answer = await client.send('POST', places[place]!(type), { body, headers });
      made += place === 'create' ? acknowledged(answer) : 0;
      expect(wrongWith(answer)).toBe('');
    }),
    { numRuns },
  );
  expect((await versionsOf(client)) - before).toBe(made);
});
