/**
 * What a caller under conditions is answered equals what an unrestricted one is answered by a laboratory that holds
 * nothing but what the caller may see, on every path; what that is, an evaluator in memory says. Versions and histories
 * are compared with the evaluator directly. ACCESS_CALLERS sets how many callers (default 10), ACCESS_SEED which.
 */
import { beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseJson, type JsonObject } from '../../src/fhir/json.ts';
import { makeLaboratory, signIn, type Laboratory } from '../server.ts';
import { remove, store } from '../search/fixture.ts';
import { randomResources } from '../search/generate.ts';
import { ask } from './answer.ts';
import { callerOf, randomCaller, randomPath, type Path } from './generate.ts';
import { judge, typeOf, type Judge } from './judge.ts';

const callers = Number(process.env['ACCESS_CALLERS'] ?? 10);
const seed = Number(process.env['ACCESS_SEED'] ?? 20_240_229);
const pathsEach = 25;

const parsed = (count: number, from: number): JsonObject[] =>
  randomResources(count, from).map((text) => parseJson(text) as JsonObject);
const nameOf = (resource: JsonObject): string => `${typeOf(resource)}/${String(resource['id'])}`;

/** The versions of each resource, in order; the last is current, where it is not deleted. */
const versions = new Map<string, JsonObject[]>();
const deleted = new Set<string>();
let lab: Laboratory;

beforeAll(async () => {
  lab = await makeLaboratory();
  const first = parsed(140, seed);
  await write(first);
  const names = new Set(first.map(nameOf));
  await write(parsed(60, seed + 1).filter((resource) => names.has(nameOf(resource))));
  for (const name of [...names].filter((_, i) => i % 11 === 5)) {
    const [type = '', id = ''] = name.split('/');
    await remove(lab.tenant.id, type, id);
    deleted.add(name);
  }
});

async function write(resources: JsonObject[]): Promise<void> {
  await store(lab.tenant.id, resources);
  for (const resource of resources) {
    versions.set(nameOf(resource), [...(versions.get(nameOf(resource)) ?? []), resource]);
  }
}

function world(): JsonObject[] {
  return [...versions].filter(([name]) => !deleted.has(name)).map(([, list]) => list.at(-1)!);
}

async function shadowOf(visible: JsonObject[]): Promise<Laboratory> {
  const shadow = await makeLaboratory();
  await store(shadow.tenant.id, visible);
  return shadow;
}

const sampled = fc.sample(randomCaller(fc.constant('rs')), { numRuns: callers, seed });
let compared = 0;
let shown = 0;

test.each(sampled.map((caller) => [`${caller.scopes} ${JSON.stringify(caller.about)}`, caller] as const))(
  '%s',
  async (_, random) => {
    const asker = await signIn(lab.tenant, random.scopes, 's', random.about);
    const judged = judge({ caller: callerOf(random), resources: world() });
    const visible = world().filter((resource) => judged.may('s', resource));
    const shadow = await shadowOf(visible);
    for (const path of fc.sample(randomPath, { numRuns: pathsEach, seed })) {
      await compare(asker, shadow, path, judged);
    }
    await compareVersions(asker, judged);
    shown += visible.length;
  },
  60_000,
);

async function compare(asker: Laboratory, shadow: Laboratory, path: Path, judged: Judge): Promise<void> {
  const [mine, wanted] = await Promise.all([ask(asker, path), ask(shadow, path)]);
  compared += 1;
  const forbidden = path.needs.some((type) => !judged.granted('s', type)) || nothingGranted(judged);
  // What a graph would ask of each of no resources is not asked.
  const unasked = path.url.startsWith('$graphql') && mine.status === 200;
  if (forbidden && !unasked) {
    // A batch has a status for each entry.
    if (path.body === undefined) expect([path.url, mine.status]).toEqual([path.url, 403]);
    else if (mine.status !== 200) expect(mine).toMatchObject({ status: 403 });
    return;
  }
  expect({ path: path.url, ...mine }).toEqual({ path: path.url, ...wanted });
}

const searched = ['Observation', 'Patient', 'Organization', 'Practitioner', 'RiskAssessment', 'ValueSet'];

function nothingGranted(judged: Judge): boolean {
  return searched.every((type) => !judged.granted('s', type));
}

/** Who may not see a resource as it is now sees no version; each of the others is judged as if it were current. */
function visibleVersions(name: string, judged: Judge): string[] {
  const list = versions.get(name) ?? [];
  if (!judged.may('r', list.at(-1)!)) return [];
  const numbers = list.flatMap((version, i) => (judged.may('r', version) ? [`${name}/_history/${i + 1}`] : []));
  return deleted.has(name) ? [...numbers, `${name}/_history/${list.length + 1}`] : numbers;
}

async function compareVersions(asker: Laboratory, judged: Judge): Promise<void> {
  const names = [...versions.keys()].filter((name) => judged.granted('r', name.split('/')[0] ?? ''));
  for (const name of names.filter((one, i) => i % 7 === 0 || (deleted.has(one) && i % 2 === 0))) {
    const wanted = visibleVersions(name, judged);
    expect([name, await historyOf(asker, `${name}/_history?_count=100`)]).toEqual([name, wanted]);
    const number = (versions.get(name) ?? []).length > 1 ? 1 : 2;
    const isThere = wanted.includes(`${name}/_history/${number}`);
    const { status } = await asker.fetch(`${name}/_history/${number}`);
    expect([name, number, status]).toEqual([name, number, isThere ? (deletedAt(name, number) ? 410 : 200) : 404]);
    const current = (await asker.fetch(name)).status;
    expect([name, current]).toEqual([name, wanted.length === 0 ? 404 : deleted.has(name) ? 410 : 200]);
  }
  for (const type of ['Observation', 'Patient'].filter((one) => judged.granted('r', one))) {
    const wanted = [...versions.keys()].filter((name) => name.startsWith(`${type}/`));
    expect(await historyOf(asker, `${type}/_history?_count=17`)).toEqual(
      wanted.flatMap((name) => visibleVersions(name, judged)).sort(),
    );
  }
}

function deletedAt(name: string, number: number): boolean {
  return deleted.has(name) && number === (versions.get(name) ?? []).length + 1;
}

/** The versions in all pages, sorted; none for 404. */
async function historyOf(asker: Laboratory, path: string): Promise<string[]> {
  const found: string[] = [];
  for (let url: string | undefined = path; url !== undefined;) {
    const response = await asker.fetch(url);
    if (response.status === 404) return [];
    const bundle = (await response.json()) as {
      entry?: { fullUrl: string; response: { etag: string } }[];
      link: { relation: string; url: string }[];
    };
    for (const {
      fullUrl,
      response: { etag },
    } of bundle.entry ?? []) {
      found.push(`${fullUrl.slice(asker.base.length + 1)}/_history/${etag.replace(/\D/g, '')}`);
    }
    url = bundle.link.find(({ relation }) => relation === 'next')?.url.slice(asker.base.length + 1);
  }
  return found.sort();
}

test('callers that see nothing prove little', () => {
  expect(compared).toBe(callers * pathsEach);
  expect(shown / callers).toBeGreaterThan(20);
});
