/**
 * Many writers at once: no update is lost, no resource made twice, no transaction half done, and no race shown as a
 * fault. https://hl7.org/fhir/R4/http.html#concurrency
 */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { connect, type Answer, type Client } from '../../conformance/client.ts';
import { makeLaboratory } from '../server.ts';

let client: Client;

beforeAll(async () => {
  const { base, token } = await makeLaboratory();
  client = connect(base, token);
});

type Json = Record<string, unknown>;

const system = 'http://example.org/races';
let count = 0;
const fresh = (): string => `race-${++count}`;
const patient = (value: string, extra: Json = {}): Json => ({
  resourceType: 'Patient',
  identifier: [{ system, value }],
  ...extra,
});
const times = <T>(n: number, work: (i: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: n }, (_, i) => work(i)));

function countStatuses(answers: readonly Answer[]): Record<number, number> {
  const counts: Record<number, number> = {};
  for (const { status } of answers) {
    counts[status] = (counts[status] ?? 0) + 1;
  }
  return counts;
}

async function found(value: string): Promise<{ id: string; meta: { versionId: string } }[]> {
  const answer = await client.send('GET', `Patient?identifier=${encodeURIComponent(`${system}|${value}`)}&_count=100`);
  expect(answer.status).toBe(200);
  return (answer.json.entry ?? []).map((entry: { resource: unknown }) => entry.resource);
}

async function versions(name: string): Promise<number[]> {
  const answer = await client.send('GET', `${name}/_history?_count=1000`);
  const entries: { resource?: { meta: { versionId: string } } }[] = answer.json.entry;
  return entries.map((entry) => Number(entry.resource?.meta.versionId)).toSorted((a, b) => a - b);
}

describe('updates of one resource', () => {
  test('without If-Match: every acknowledged update has a version of its own', async () => {
    const { json: made } = await client.send('POST', 'Patient', { body: patient(fresh()) });
    const name = `Patient/${made.id}`;
    const answers = await times(40, (i) =>
      client.send('PUT', name, { body: { ...made, birthDate: `19${String(i).padStart(2, '0')}-01-01` } }),
    );
    const won = answers.filter((answer) => answer.status === 200);
    expect(Object.keys(countStatuses(answers)).filter((status) => !['200', '409', '412'].includes(status))).toEqual([]);
    expect(won.length).toBeGreaterThan(0);
    const acknowledged = won.map((answer) => Number(answer.json.meta.versionId)).toSorted((a, b) => a - b);
    expect(new Set(acknowledged).size).toBe(won.length);
    expect(await versions(name)).toEqual([1, ...acknowledged]);
    for (const answer of won) {
      const held = await client.send('GET', `${name}/_history/${answer.json.meta.versionId}`);
      expect(held.json.birthDate).toBe(answer.json.birthDate);
    }
  });

  test('with If-Match: of all that hold the same version exactly one wins', async () => {
    const { json: made } = await client.send('POST', 'Patient', { body: patient(fresh()) });
    const headers = { 'if-match': 'W/"1"' };
    const body = (i: number): Json => ({ ...made, birthDate: `19${String(i).padStart(2, '0')}-01-01` });
    const answers = await times(40, (i) => client.send('PUT', `Patient/${made.id}`, { body: body(i), headers }));
    expect(countStatuses(answers)).toEqual({ 200: 1, 412: 39 });
    const won = answers.find((answer) => answer.status === 200);
    expect((await client.send('GET', `Patient/${made.id}`)).json.birthDate).toBe(won?.json.birthDate);
  });

  test('read, change, write with If-Match, again until it passes: no increment is lost', async () => {
    const { json: made } = await client.send('POST', 'Patient', {
      body: patient(fresh(), { multipleBirthInteger: 0 }),
    });
    const increment = async (): Promise<void> => {
      for (;;) {
        const { json: held } = await client.send('GET', `Patient/${made.id}`);
        const body = { ...held, multipleBirthInteger: held.multipleBirthInteger + 1 };
        const answer = await client.send('PUT', `Patient/${made.id}`, {
          body,
          headers: { 'if-match': `W/"${held.meta.versionId}"` },
        });
        if (answer.status === 200) return;
        expect(answer.status).toBe(412);
      }
    };
    await times(12, increment);
    expect((await client.send('GET', `Patient/${made.id}`)).json.multipleBirthInteger).toBe(12);
  });

  test('patches of different elements all take effect', async () => {
    const { json: made } = await client.send('POST', 'Patient', { body: patient(fresh(), { name: [{ text: 'x' }] }) });
    const headers = { 'content-type': 'application/json-patch+json' };
    const answers = await times(20, (i) =>
      client.send('PATCH', `Patient/${made.id}`, {
        body: [{ op: 'add', path: '/name/-', value: { text: `n${i}` } }],
        headers,
      }),
    );
    const won = answers.filter((answer) => answer.status === 200).length;
    expect(Object.keys(countStatuses(answers)).filter((status) => !['200', '409', '412'].includes(status))).toEqual([]);
    expect((await client.send('GET', `Patient/${made.id}`)).json.name.length).toBe(1 + won);
  });

  test('updates and deletes take turns; the last one acknowledged is what is read', async () => {
    const { json: made } = await client.send('POST', 'Patient', { body: patient(fresh()) });
    const name = `Patient/${made.id}`;
    const answers = await times(30, (i) =>
      i % 3 === 0 ? client.send('DELETE', name) : client.send('PUT', name, { body: made }),
    );
    expect(answers.filter((answer) => answer.status >= 500 || answer.status === 404)).toEqual([]);
    const history = await client.send('GET', `${name}/_history?_count=100`);
    const deleted = history.json.entry[0].request.method === 'DELETE';
    expect((await client.send('GET', name)).status).toBe(deleted ? 410 : 200);
  });
});

describe('conditional writes on one identifier', () => {
  test('50 conditional creates make exactly one resource, which all are led to', async () => {
    const value = fresh();
    const headers = { 'if-none-exist': `identifier=${encodeURIComponent(`${system}|${value}`)}` };
    const answers = await times(50, () => client.send('POST', 'Patient', { body: patient(value), headers }));
    expect(countStatuses(answers)).toEqual({ 200: 49, 201: 1 });
    const held = await found(value);
    expect(held.length).toBe(1);
    const locations = answers.map((answer) => /Patient\/([^/]+)/.exec(answer.headers.get('location') ?? '')?.[1]);
    expect(new Set(locations)).toEqual(new Set([held[0]?.id]));
  });

  test('50 conditional updates make exactly one resource, each a version of it', async () => {
    const value = fresh();
    const path = `Patient?identifier=${encodeURIComponent(`${system}|${value}`)}`;
    const answers = await times(50, (i) =>
      client.send('PUT', path, { body: patient(value, { birthDate: `19${String(i).padStart(2, '0')}-01-01` }) }),
    );
    expect(
      Object.keys(countStatuses(answers)).filter((status) => !['200', '201', '409', '412'].includes(status)),
    ).toEqual([]);
    expect(answers.filter((answer) => answer.status === 201).length).toBe(1);
    expect((await found(value)).length).toBe(1);
  });

  test('conditional creates on different identifiers do not hinder each other', async () => {
    const values = Array.from({ length: 30 }, fresh);
    const answers = await times(30, (i) => {
      const headers = { 'if-none-exist': `identifier=${encodeURIComponent(`${system}|${values[i]}`)}` };
      return client.send('POST', 'Patient', { body: patient(values[i]!), headers });
    });
    expect(countStatuses(answers)).toEqual({ 201: 30 });
  });

  test('conditional deletes racing with conditional creates leave at most one', async () => {
    const value = fresh();
    const criterion = `identifier=${encodeURIComponent(`${system}|${value}`)}`;
    const answers = await times(40, (i) =>
      i % 2 === 0
        ? client.send('POST', 'Patient', { body: patient(value), headers: { 'if-none-exist': criterion } })
        : client.send('DELETE', `Patient?${criterion}`),
    );
    expect(answers.filter((answer) => answer.status >= 400 && ![404, 409, 412].includes(answer.status))).toEqual([]);
    expect((await found(value)).length).toBeLessThanOrEqual(1);
  });
});

describe('update as create', () => {
  test('30 first PUTs of one id: one creates it, the others update it, each with its version', async () => {
    const id = fresh();
    const answers = await times(30, () => client.send('PUT', `Patient/${id}`, { body: { ...patient(id), id } }));
    const statuses = countStatuses(answers);
    expect(statuses[201]).toBe(1);
    expect(Object.keys(statuses).filter((status) => !['200', '201', '409', '412'].includes(status))).toEqual([]);
    const written = answers.filter((answer) => answer.status < 300).length;
    expect(await versions(`Patient/${id}`)).toEqual(Array.from({ length: written }, (_, i) => i + 1));
  });
});
