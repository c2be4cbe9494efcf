/** What all races are made of: resources that only one race uses, and many requests at once. */
import { expect } from '@jest/globals';
import type { Answer, Client } from '../../conformance/client.ts';

export type Json = Record<string, unknown>;

const system = 'http://example.org/races';
let count = 0;

/** An identifier that no other race has. */
export const fresh = (): string => `race-${process.pid}-${++count}`;

export const patient = (value: string, extra: Json = {}): Json => ({
  resourceType: 'Patient',
  identifier: [{ system, value }],
  ...extra,
});

export const criterionOf = (value: string): string => `identifier=${encodeURIComponent(`${system}|${value}`)}`;

export const times = <T>(n: number, work: (i: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: n }, (_, i) => work(i)));

export function countStatuses(answers: readonly Answer[]): Record<number, number> {
  const counts: Record<number, number> = {};
  for (const { status } of answers) {
    counts[status] = (counts[status] ?? 0) + 1;
  }
  return counts;
}

/** Statuses that are neither a success nor a conflict that the caller can understand. */
export function oddStatuses(answers: readonly Answer[]): string[] {
  return Object.keys(countStatuses(answers)).filter((status) => !['200', '201', '409', '412'].includes(status));
}

export async function found(client: Client, value: string): Promise<{ id: string; meta: { versionId: string } }[]> {
  const answer = await client.send('GET', `Patient?${criterionOf(value)}&_count=100`);
  expect(answer.status).toBe(200);
  return (answer.json.entry ?? []).map((entry: { resource: unknown }) => entry.resource);
}

/** The version numbers of a resource, lowest first. */
export async function versions(client: Client, name: string): Promise<number[]> {
  const answer = await client.send('GET', `${name}/_history?_count=1000`);
  const entries: { resource?: { meta: { versionId: string } } }[] = answer.json.entry;
  return entries.map((entry) => Number(entry.resource?.meta.versionId)).toSorted((a, b) => a - b);
}
