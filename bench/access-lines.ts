/**
 * What it costs that a caller is bound by conditions: the same requests with 30 permits that have filters and without any.
 * Both sides go to Makhbar; the goal is a difference.
 */
import { get, observationIds, ours, type Bench, type Line } from './lines.ts';
import { panels } from './catalog.ts';
import { runCommand } from './processes.ts';

/** A technician's scopes as a laboratory with many sections might write them; the last one lets the results through. */
export function filteredScopes(): string {
  const codes = panels.flatMap(({ tests }) => tests.map(({ code }) => code));
  const results = codes
    .slice(0, 20)
    .map((code) => `user/Observation.rs?code=http://loinc.org%7C${code}&status=preliminary`);
  const others = ['Patient', 'ServiceRequest', 'Specimen', 'DiagnosticReport', 'Encounter'].flatMap((type) => [
    `user/${type}.rs?_tag=section-a`,
    `user/${type}.rs?_security:not=V`,
  ]);
  return [...results, ...others.slice(0, 9), 'user/Observation.rs?category=laboratory,vital-signs'].join(' ');
}

export async function filteredBench(bench: Bench): Promise<Bench> {
  const token = await runCommand(bench.dataDir, 'token', 'demo', '--scope', filteredScopes());
  return { ...bench, token };
}

const reads = (bench: Bench): Buffer[] => observationIds(bench, 'read').map((id) => get(bench, `Observation/${id}`));

const searches = (bench: Bench): Buffer[] =>
  panels
    .flatMap(({ tests }) => tests)
    .map(({ code }) => get(bench, `Observation?code=http://loinc.org|${code}&_count=20`));

export const accessLines: readonly Line[] = [
  {
    name: 'access-read',
    title: 'read by id, 30 permits with filters | the same without conditions',
    unit: 'requests/s',
    connections: 1,
    extra: 0.3,
    ours: async (bench) => ours(bench, [200], reads(await filteredBench(bench))),
    limit: (bench) => ours(bench, [200], reads(bench)),
  },
  {
    name: 'access-search',
    title: 'search by code, 30 permits with filters | the same without conditions',
    unit: 'requests/s',
    connections: 1,
    ours: async (bench) => ours(bench, [200], searches(await filteredBench(bench))),
    limit: (bench) => ours(bench, [200], searches(bench)),
  },
];
