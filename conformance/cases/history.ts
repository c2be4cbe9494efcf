/** history of an instance, a type and the system. */
import { section, shall, should } from '../case.ts';
import { check, refused, rejected, same, status } from '../checks.ts';
import type { Answer } from '../client.ts';
import { nameOf, patient } from '../samples.ts';
import type { Resource, World } from '../world.ts';

interface Past {
  id: string;
  name: string;
  created: string;
}

/** A patient that was created, updated and deleted. */
async function past(world: World): Promise<Past> {
  const made = await world.create(patient(world));
  const name = nameOf(made);
  status(await world.send('PUT', name, { body: { ...made, gender: 'male' } }), 200);
  status(await world.send('DELETE', name), 200, 202, 204);
  return { id: made['id'], name, created: made['meta'].lastUpdated };
}

function entriesOf(answer: Answer): Resource[] {
  status(answer, 200);
  same([answer.json.resourceType, answer.json.type], ['Bundle', 'history'], 'type of the answer');
  return answer.json.entry ?? [];
}

/** Entries of one resource among those of a type or of the system, since shortly before it was made. */
async function entriesSince(world: World, path: string, { id, created }: Past): Promise<Resource[]> {
  const since = encodeURIComponent(new Date(Date.parse(created) - 1).toISOString());
  const entries = entriesOf(await world.get(`${path}?_since=${since}&_count=1000`));
  return entries.filter((entry) =>
    `${entry['fullUrl']} ${entry['request']?.url} ${entry['resource']?.id}`.includes(id),
  );
}

const system = { interaction: 'history-system' } as const;
const type = { type: 'Patient', interaction: 'history-type' } as const;
const instance = { type: 'Patient', interaction: 'history-instance' } as const;

export const history = section('history', 'http.html#history', [
  shall(
    'the versions of an instance are returned, oldest last, deletion included',
    async (world) => {
      const { name } = await past(world);
      const entries = entriesOf(await world.get(`${name}/_history`));
      same(
        entries.map((entry) => entry['resource']?.gender),
        [undefined, 'male', 'female'],
        'gender of the versions',
      );
    },
    instance,
  ),
  shall(
    'each entry has the request that made it, and a resource for POST and PUT',
    async (world) => {
      const { id, name } = await past(world);
      const entries = entriesOf(await world.get(`${name}/_history`));
      same(
        entries.map((entry) => entry['request']?.method),
        ['DELETE', 'PUT', 'POST'],
        'request.method',
      );
      for (const entry of entries) {
        check(entry['request'].url !== undefined, 'request.url is missing.');
        check(entry['request'].method === 'DELETE' || entry['resource']?.id === id, 'The resource is missing.');
      }
    },
    instance,
  ),
  shall(
    'each entry has a response with status (bdl-4) and a fullUrl',
    async (world) => {
      const { name } = await past(world);
      for (const entry of entriesOf(await world.get(`${name}/_history`))) {
        check(/^20\d/.test(entry['response']?.status ?? ''), `response.status is '${entry['response']?.status}'.`);
        check(String(entry['fullUrl']).endsWith(name), `fullUrl is '${entry['fullUrl']}'.`);
      }
    },
    instance,
  ),
  should(
    'each entry has the ETag and the time of its version',
    async (world) => {
      const { name } = await past(world);
      for (const entry of entriesOf(await world.get(`${name}/_history`))) {
        check(/^W\/".+"$/.test(entry['response'].etag ?? ''), `response.etag is '${entry['response'].etag}'.`);
        check(!Number.isNaN(Date.parse(entry['response'].lastModified)), 'response.lastModified is missing.');
      }
    },
    instance,
  ),
  shall(
    'the history of a type holds its changes, and those of no other type',
    async (world) => {
      const made = await past(world);
      same((await entriesSince(world, 'Patient/_history', made)).length, 3, 'entries of the patient');
      same((await entriesSince(world, 'Observation/_history', made)).length, 0, 'entries of the patient');
    },
    type,
  ),
  shall(
    'the history of the system holds the changes of all types',
    async (world) => {
      same((await entriesSince(world, '_history', await past(world))).length, 3, 'entries of the patient');
    },
    system,
  ),
  shall(
    'the history of a type and of the system is sorted with the oldest last',
    async (world) => {
      await past(world);
      const entries = entriesOf(await world.get('Patient/_history?_count=20'));
      const times = entries.map((entry) =>
        Date.parse(entry['response']?.lastModified ?? entry['resource']?.meta.lastUpdated),
      );
      same(
        times,
        times.toSorted((a, b) => b - a),
        'times of the entries',
      );
    },
    type,
  ),
  shall(
    '_count is the most that a page holds',
    async (world) => {
      const { name } = await past(world);
      check(entriesOf(await world.get(`${name}/_history?_count=2`)).length <= 2, 'A page holds more than _count.');
    },
    instance,
  ),
  shall(
    '_since leaves out the versions made before',
    async (world) => {
      const { name } = await past(world);
      const future = encodeURIComponent(new Date(Date.now() + 3_600_000).toISOString());
      same(entriesOf(await world.get(`${name}/_history?_since=${future}`)).length, 0, 'entries after the future');
      same(entriesOf(await world.get(`${name}/_history?_since=2001-01-01T00:00:00Z`)).length, 3, 'entries since 2001');
    },
    instance,
  ),
  shall(
    '_at gives the versions that were current at that time',
    async (world) => {
      const made = await world.create(patient(world));
      await new Promise((resolve) => setTimeout(resolve, 20));
      const between = encodeURIComponent(new Date().toISOString());
      await new Promise((resolve) => setTimeout(resolve, 20));
      await world.send('PUT', nameOf(made), { body: { ...made, gender: 'male' } });
      const entries = entriesOf(await world.get(`${nameOf(made)}/_history?_at=${between}`));
      same(
        entries.map((entry) => entry['resource']?.gender),
        ['female'],
        'gender of the versions',
      );
    },
    instance,
  ),
  should(
    'a _since that is no instant and a _count that is no number are refused',
    async (world) => {
      const { name } = await past(world);
      rejected(await world.get(`${name}/_history?_since=yesterday`));
      rejected(await world.get(`${name}/_history?_count=many`));
    },
    instance,
  ),
  shall(
    'the history of a resource that never existed is answered 404',
    async (world) => {
      refused(await world.get(`Patient/${world.unique()}/_history`), 404);
    },
    instance,
  ),
  shall(
    'a read makes no entry',
    async (world) => {
      const made = await world.create(patient(world));
      await world.get(nameOf(made));
      same(entriesOf(await world.get(`${nameOf(made)}/_history`)).length, 1, 'entries');
    },
    instance,
  ),
]);
