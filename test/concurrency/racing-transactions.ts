/** Transactions that want the same resources at the same time: all or nothing each, no deadlock shown, no fault. */
import { beforeAll, expect, test } from '@jest/globals';
import type { Answer, Client } from '../../conformance/client.ts';
import type { Json } from './race.ts';

const rounds = 40;
const ids = ['t-a', 't-b', 't-c', 't-d', 't-e'];

const patient = (id: string, mark: string): Json => ({ resourceType: 'Patient', id, name: [{ text: mark }] });
const put = (id: string, mark: string): Json => ({
  resource: patient(id, mark),
  request: { method: 'PUT', url: `Patient/${id}` },
});
const submit = (client: Client, entry: readonly Json[]): Promise<Answer> =>
  client.send('POST', '', { body: { resourceType: 'Bundle', type: 'transaction', entry } });

function shuffled<T>(values: readonly T[], seed: number): T[] {
  return values
    .map((value, i) => ({ value, rank: ((i + 1) * 7919 * (seed + 3)) % 101 }))
    .toSorted((a, b) => a.rank - b.rank)
    .map(({ value }) => value);
}

async function marks(client: Client): Promise<string[]> {
  const answers = await Promise.all(ids.map((id) => client.send('GET', `Patient/${id}`)));
  return answers.map((answer) => answer.json.name[0].text);
}

/** Many transactions on the same five patients. */
export function racingTransactions(open: () => Client): void {
  beforeAll(async () => {
    expect(
      (
        await submit(
          open(),
          ids.map((id) => put(id, 'start')),
        )
      ).status,
    ).toBe(200);
  });

  test('the same resources in opposite and shuffled orders: every transaction passes, the last one whole', async () => {
    const answers = await Promise.all(
      Array.from({ length: rounds }, (_, i) => {
        const order = i % 2 === 0 ? ids.toReversed() : shuffled(ids, i);
        return submit(
          open(),
          order.map((id) => put(id, `round ${i}`)),
        );
      }),
    );
    const odd = answers.filter((answer) => ![200, 409, 412].includes(answer.status));
    expect(odd.map((answer) => `${answer.status} ${answer.text.slice(0, 200)}`)).toEqual([]);
    expect(new Set(await marks(open())).size).toBe(1);
  });

  test('each version of each resource belongs to a transaction that was done on all of them', async () => {
    const history = await Promise.all(ids.map((id) => open().send('GET', `Patient/${id}/_history?_count=1000`)));
    const seen = history.map((answer) =>
      answer.json.entry
        .map((entry: { resource: { name: { text: string }[] } }) => entry.resource.name[0]?.text)
        .toSorted(),
    );
    for (const one of seen) {
      expect(one).toEqual(seen[0]);
    }
  });

  test('transactions that partly fail leave nothing, also between others that pass', async () => {
    const before = (await open().send('GET', 'Patient/_history?_count=1000')).json.entry.length;
    const answers = await Promise.all(
      Array.from({ length: rounds }, (_, i) => {
        const good = shuffled(ids, i).map((id) => put(id, `half ${i}`));
        const bad = {
          resource: { resourceType: 'Patient', gender: 'unknowable' },
          request: { method: 'POST', url: 'Patient' },
        };
        return submit(open(), i % 2 === 0 ? [...good, bad] : good);
      }),
    );
    const passed = answers.filter((answer) => answer.status === 200).length;
    expect(answers.filter((_, i) => i % 2 === 0).every((answer) => answer.status >= 400 && answer.status < 500)).toBe(
      true,
    );
    expect(answers.every((answer) => answer.status < 500)).toBe(true);
    const after = (await open().send('GET', 'Patient/_history?_count=1000')).json.entry.length;
    expect(after - before).toBe(passed * ids.length);
    expect(new Set(await marks(open())).size).toBe(1);
  });

  test('transactions that create on one identifier make it once, and their references lead to it', async () => {
    const criterion = 'identifier=http://example.org/races|shared';
    const url = 'urn:uuid:22222222-2222-4222-8222-222222222222';
    const shared = { resourceType: 'Patient', identifier: [{ system: 'http://example.org/races', value: 'shared' }] };
    const seen = { resourceType: 'Observation', status: 'final', code: { text: 'x' }, subject: { reference: url } };
    const answers = await Promise.all(
      Array.from({ length: 25 }, () =>
        submit(open(), [
          { fullUrl: url, resource: shared, request: { method: 'POST', url: 'Patient', ifNoneExist: criterion } },
          { resource: seen, request: { method: 'POST', url: 'Observation' } },
        ]),
      ),
    );
    expect(answers.filter((answer) => answer.status !== 200).map((answer) => answer.text.slice(0, 200))).toEqual([]);
    const held = await open().send('GET', `Patient?${criterion}`);
    expect(held.json.entry.length).toBe(1);
    const observations = await open().send(
      'GET',
      `Observation?subject=Patient/${held.json.entry[0].resource.id}&_count=100`,
    );
    expect(observations.json.entry.length).toBe(25);
  });

  test('reads beside a transaction see all of it or nothing', async () => {
    let running = true;
    const torn: string[][] = [];
    const reader = async (): Promise<void> => {
      while (running) {
        const entry = ids.map((id) => ({ request: { method: 'GET', url: `Patient/${id}` } }));
        const answer = await submit(open(), entry);
        const texts = answer.json.entry.map(
          (one: { resource: { name: { text: string }[] } }) => one.resource.name[0]?.text,
        );
        if (new Set(texts).size !== 1) torn.push(texts);
      }
    };
    const readers = [reader(), reader()];
    for (let i = 0; i < 30; i++) {
      expect(
        (
          await submit(
            open(),
            shuffled(ids, i).map((id) => put(id, `seen ${i}`)),
          )
        ).status,
      ).toBe(200);
    }
    running = false;
    await Promise.all(readers);
    expect(torn).toEqual([]);
  });
}
