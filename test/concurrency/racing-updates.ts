/** Races on one resource. https://hl7.org/fhir/R4/http.html#concurrency */
import { expect, test } from '@jest/globals';
import type { Client } from '../../conformance/client.ts';
import { countStatuses, fresh, oddStatuses, patient, times, type Json, versions } from './race.ts';

/** Many updates, patches and deletes of one resource: each acknowledged one has its version, none is lost. */
export function racingUpdates(open: () => Client): void {
  test('without If-Match: every acknowledged update has a version of its own', async () => {
    const { json: made } = await open().send('POST', 'Patient', { body: patient(fresh()) });
    const name = `Patient/${made.id}`;
    const answers = await times(40, (i) =>
      open().send('PUT', name, { body: { ...made, birthDate: `19${String(i).padStart(2, '0')}-01-01` } }),
    );
    const won = answers.filter((answer) => answer.status === 200);
    expect(oddStatuses(answers)).toEqual([]);
    expect(won.length).toBeGreaterThan(0);
    const acknowledged = won.map((answer) => Number(answer.json.meta.versionId)).toSorted((a, b) => a - b);
    expect(new Set(acknowledged).size).toBe(won.length);
    expect(await versions(open(), name)).toEqual([1, ...acknowledged]);
    for (const answer of won) {
      const held = await open().send('GET', `${name}/_history/${answer.json.meta.versionId}`);
      expect(held.json.birthDate).toBe(answer.json.birthDate);
    }
  });

  test('with If-Match: of all that hold the same version exactly one wins', async () => {
    const { json: made } = await open().send('POST', 'Patient', { body: patient(fresh()) });
    const headers = { 'if-match': 'W/"1"' };
    const body = (i: number): Json => ({ ...made, birthDate: `19${String(i).padStart(2, '0')}-01-01` });
    const answers = await times(40, (i) => open().send('PUT', `Patient/${made.id}`, { body: body(i), headers }));
    expect(countStatuses(answers)).toEqual({ 200: 1, 412: 39 });
    const won = answers.find((answer) => answer.status === 200);
    expect((await open().send('GET', `Patient/${made.id}`)).json.birthDate).toBe(won?.json.birthDate);
  });

  test('read, change, write with If-Match, again until it passes: no increment is lost', async () => {
    const { json: made } = await open().send('POST', 'Patient', {
      body: patient(fresh(), { multipleBirthInteger: 0 }),
    });
    const increment = async (): Promise<void> => {
      for (;;) {
        const { json: held } = await open().send('GET', `Patient/${made.id}`);
        const body = { ...held, multipleBirthInteger: held.multipleBirthInteger + 1 };
        const answer = await open().send('PUT', `Patient/${made.id}`, {
          body,
          headers: { 'if-match': `W/"${held.meta.versionId}"` },
        });
        if (answer.status === 200) return;
        expect(answer.status).toBe(412);
      }
    };
    await times(12, increment);
    expect((await open().send('GET', `Patient/${made.id}`)).json.multipleBirthInteger).toBe(12);
  });

  test('patches of different elements all take effect', async () => {
    const { json: made } = await open().send('POST', 'Patient', { body: patient(fresh(), { name: [{ text: 'x' }] }) });
    const headers = { 'content-type': 'application/json-patch+json' };
    const answers = await times(20, (i) =>
      open().send('PATCH', `Patient/${made.id}`, {
        body: [{ op: 'add', path: '/name/-', value: { text: `n${i}` } }],
        headers,
      }),
    );
    const won = answers.filter((answer) => answer.status === 200).length;
    expect(oddStatuses(answers)).toEqual([]);
    expect((await open().send('GET', `Patient/${made.id}`)).json.name.length).toBe(1 + won);
  });

  test('updates and deletes take turns; the last one acknowledged is what is read', async () => {
    const { json: made } = await open().send('POST', 'Patient', { body: patient(fresh()) });
    const name = `Patient/${made.id}`;
    const answers = await times(30, (i) =>
      i % 3 === 0 ? open().send('DELETE', name) : open().send('PUT', name, { body: made }),
    );
    expect(answers.filter((answer) => answer.status >= 500 || answer.status === 404)).toEqual([]);
    const history = await open().send('GET', `${name}/_history?_count=100`);
    const deleted = history.json.entry[0].request.method === 'DELETE';
    expect((await open().send('GET', name)).status).toBe(deleted ? 410 : 200);
  });
}
