/** The data set of the benchmark: the same in every run, realistic in shape. */
import { expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { chronicPatients, newObservation, patientResources } from '../../bench/generate.ts';
import { serializeJson } from '../../src/fhir/json.ts';

const many = Array.from({ length: 300 }, (_, n) => patientResources(n));

test('is the same in every run; a change of it has to raise dataVersion', () => {
  const digest = createHash('sha256');
  many.flat().forEach((resource) => digest.update(serializeJson(resource)));
  expect(digest.digest('hex').slice(0, 16)).toBe('dfb3f4d1ca6a23cc');
});

test('gives unique ids, 12 observations a patient, and exactly 40 resources to the chronic ones', () => {
  const ids = many.flat().map((resource) => `${resource['resourceType'] as string}/${resource['id'] as string}`);
  expect(new Set(ids).size).toBe(ids.length);
  const observations = ids.filter((id) => id.startsWith('Observation/')).length;
  expect(observations / many.length).toBeGreaterThan(11.5);
  expect(observations / many.length).toBeLessThan(15);
  many.slice(0, chronicPatients).forEach((resources) => expect(resources).toHaveLength(40));
});

test('refers only to resources of the same patient that come earlier', () => {
  for (const resources of many) {
    const known = new Set<string>();
    for (const resource of resources) {
      const references = [...serializeJson(resource).matchAll(/"reference":"([^"]+)"/g)].map((match) => match[1]);
      references.forEach((reference) => expect(known).toContain(reference));
      known.add(`${resource['resourceType'] as string}/${resource['id'] as string}`);
    }
  }
});

test('keeps the digits of the analyzer', () => {
  const texts = many.flat().map((resource) => serializeJson(resource));
  expect(texts.some((text) => /"value":\d+\.\d*0[,}]/.test(text))).toBe(true);
});

test('makes new observations that differ from each other and have no id', () => {
  const made = Array.from({ length: 50 }, (_, sequence) => newObservation(7, sequence));
  expect(new Set(made.map((observation) => serializeJson(observation))).size).toBe(50);
  made.forEach((observation) => expect(observation['id']).toBeUndefined());
});
