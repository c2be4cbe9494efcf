/** Races on one identity that is not there yet: by identifier, and by id. */
import { expect, test } from '@jest/globals';
import type { Client } from '../../conformance/client.ts';
import { countStatuses, criterionOf, found, fresh, oddStatuses, patient, times, versions } from './race.ts';

/** Many conditional writes on one identifier: one resource, whoever comes first. */
export function racingConditions(open: () => Client): void {
  test('50 conditional creates make exactly one resource, which all are led to', async () => {
    const value = fresh();
    const headers = { 'if-none-exist': criterionOf(value) };
    const answers = await times(50, () => open().send('POST', 'Patient', { body: patient(value), headers }));
    expect(countStatuses(answers)).toEqual({ 200: 49, 201: 1 });
    const held = await found(open(), value);
    expect(held.length).toBe(1);
    const locations = answers.map((answer) => /Patient\/([^/]+)/.exec(answer.headers.get('location') ?? '')?.[1]);
    expect(new Set(locations)).toEqual(new Set([held[0]?.id]));
  });

  test('50 conditional updates make exactly one resource, each a version of it', async () => {
    const value = fresh();
    const path = `Patient?${criterionOf(value)}`;
    const answers = await times(50, (i) =>
      open().send('PUT', path, { body: patient(value, { birthDate: `19${String(i).padStart(2, '0')}-01-01` }) }),
    );
    expect(oddStatuses(answers)).toEqual([]);
    expect(answers.filter((answer) => answer.status === 201).length).toBe(1);
    expect((await found(open(), value)).length).toBe(1);
  });

  test('conditional creates on different identifiers do not hinder each other', async () => {
    const values = Array.from({ length: 30 }, fresh);
    const answers = await times(30, (i) => {
      const headers = { 'if-none-exist': criterionOf(values[i]!) };
      return open().send('POST', 'Patient', { body: patient(values[i]!), headers });
    });
    expect(countStatuses(answers)).toEqual({ 201: 30 });
  });

  test('conditional deletes racing with conditional creates leave at most one', async () => {
    const value = fresh();
    const criterion = criterionOf(value);
    const answers = await times(40, (i) =>
      i % 2 === 0
        ? open().send('POST', 'Patient', { body: patient(value), headers: { 'if-none-exist': criterion } })
        : open().send('DELETE', `Patient?${criterion}`),
    );
    expect(answers.filter((answer) => answer.status >= 400 && ![404, 409, 412].includes(answer.status))).toEqual([]);
    expect((await found(open(), value)).length).toBeLessThanOrEqual(1);
  });
}

/** Many first PUTs of one id. */
export function racingCreations(open: () => Client): void {
  test('30 first PUTs of one id: one creates it, the others update it, each with its version', async () => {
    const id = fresh();
    const answers = await times(30, () => open().send('PUT', `Patient/${id}`, { body: { ...patient(id), id } }));
    const statuses = countStatuses(answers);
    expect(statuses[201]).toBe(1);
    expect(oddStatuses(answers)).toEqual([]);
    const written = answers.filter((answer) => answer.status < 300).length;
    expect(await versions(open(), `Patient/${id}`)).toEqual(Array.from({ length: written }, (_, i) => i + 1));
  });
}
