/** Where references must be kept whole: a deletion racing with references to the same resource leaves none dangling. */
import { beforeAll, expect, test } from '@jest/globals';
import { connect, type Answer, type Client } from '../../conformance/client.ts';
import { makeLaboratory } from '../server.ts';
import { times } from './race.ts';

let client: Client;

beforeAll(async () => {
  const { base, token } = await makeLaboratory({ settings: { referentialIntegrity: true } });
  client = connect(base, token);
});

type Json = Record<string, unknown>;

const observation = (reference: string): Json => ({
  resourceType: 'Observation',
  status: 'final',
  code: { text: 'x' },
  subject: { reference },
});

/** Ways to write a reference to the resource, all at the moment of its deletion. */
const writers: Readonly<Record<string, (name: string) => Promise<Answer>>> = {
  create: (name) => client.send('POST', 'Observation', { body: observation(name) }),
  transaction: (name) => {
    const entry = [{ resource: observation(name), request: { method: 'POST', url: 'Observation' } }];
    return client.send('POST', '', { body: { resourceType: 'Bundle', type: 'transaction', entry } });
  },
};

async function raceOnce(
  write: (name: string) => Promise<Answer>,
): Promise<{ deleted: boolean; written: number; odd: string[] }> {
  const made = await client.send('POST', 'Patient', { body: { resourceType: 'Patient' } });
  const name = `Patient/${made.json.id}`;
  const [removal, ...answers] = await Promise.all([
    client.send('DELETE', name),
    ...Array.from({ length: 4 }, () => write(name)),
  ]);
  const odd = [removal!, ...answers]
    .filter((answer) => answer.status >= 500)
    .map((answer) => `${answer.status} ${answer.text}`);
  const found = await client.send('GET', `Observation?subject=${name}`);
  return { deleted: (await client.send('GET', name)).status === 410, written: (found.json.entry ?? []).length, odd };
}

test.each(Object.keys(writers))('a %s and a deletion: one of them is refused, no reference dangles', async (how) => {
  const outcomes = [];
  for (let round = 0; round < 15; round++) {
    outcomes.push(...(await times(2, () => raceOnce(writers[how]!))));
  }
  expect(outcomes.flatMap(({ odd }) => odd)).toEqual([]);
  expect(outcomes.filter(({ deleted, written }) => deleted && written > 0)).toEqual([]);
  expect(outcomes.filter(({ deleted, written }) => !deleted && written === 0)).toEqual([]);
});

test('an update to a new reference and its deletion leave no reference dangling', async () => {
  for (let round = 0; round < 15; round++) {
    const [one, two] = await times(2, () => client.send('POST', 'Patient', { body: { resourceType: 'Patient' } }));
    const seen = await client.send('POST', 'Observation', { body: observation(`Patient/${one!.json.id}`) });
    const name = `Patient/${two!.json.id}`;
    const body = { ...seen.json, subject: { reference: name } };
    await Promise.all([client.send('DELETE', name), client.send('PUT', `Observation/${seen.json.id}`, { body })]);
    const held = await client.send('GET', `Observation/${seen.json.id}`);
    const status = (await client.send('GET', held.json.subject.reference)).status;
    expect([round, status]).toEqual([round, 200]);
  }
});
