/**
 * Generated and mutated resources thrown at every interaction: nothing but a 4xx with a sentence, or a success where
 * the mutation is valid FHIR; the number of versions grows by what was acknowledged and by nothing else.
 *
 * HOSTILE_RUNS sets the number of inputs for each interaction.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { connect, type Client } from '../../conformance/client.ts';
import { makeLaboratory } from '../server.ts';
import { interactions } from './interactions.ts';
import { mutatedTexts, mutatedTrees } from './mutations.ts';
import { acknowledged, versionsOf, wrongWith } from './verdict.ts';

const numRuns = Number(process.env['HOSTILE_RUNS'] ?? 60);
const writes = new Set(['create', 'transaction entry', 'batch entry']);
let client: Client;

beforeAll(async () => {
  const { base, token } = await makeLaboratory();
  client = connect(base, token);
  const body = { resourceType: 'Patient', id: 'seed', name: [{ text: 'Seed' }] };
  expect((await client.send('PUT', 'Patient/seed', { body })).status).toBe(201);
});

afterAll(async () => {
  expect((await client.send('GET', 'Patient/seed')).status).toBe(200);
});

const inputs: Readonly<Record<string, fc.Arbitrary<string>>> = {
  'a mutated tree': mutatedTrees.map((tree) => JSON.stringify(tree)),
  'a mutated text': mutatedTexts,
};

for (const [what, input] of Object.entries(inputs)) {
  describe(what, () => {
    test.each(Object.keys(interactions))('in %s gets a 4xx with a sentence, or is valid', async (name) => {
      const before = await versionsOf(client);
      let made = 0;
      await fc.assert(
        fc.asyncProperty(input, async (text) => {
          const answer = await interactions[name]!(client, text);
          made += acknowledged(answer);
          expect(wrongWith(answer)).toBe('');
        }),
        { numRuns },
      );
      const grown = (await versionsOf(client)) - before;
      expect(grown).toBeLessThanOrEqual(made);
      if (writes.has(name)) {
        expect(grown).toBe(made);
      }
    });
  });
}
