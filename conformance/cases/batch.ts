/** batch: entries that stand or fail each for itself. */
import { ask, bundle, countOf, entriesOf, entryStatus, locatedAt, post, put, submit } from '../bundles.ts';
import { section, shall, should } from '../case.ts';
import { check, rejected, same, status } from '../checks.ts';
import { nameOf, named, patient } from '../samples.ts';

const needs = { interaction: 'batch' } as const;

export const batch = section('batch', 'http.html#brules', [
  shall(
    'a batch-response has one entry for each entry of the request, in the same order',
    async (world) => {
      const made = await world.create(patient(world));
      const entries = [ask('GET', nameOf(made)), post(patient(world)), ask('GET', 'Patient/no-such-patient')];
      const answer = entriesOf(await submit(world, bundle('batch', entries)), 'batch-response', 3);
      entryStatus(answer[0], 200);
      same(answer[0]?.['resource']?.id, made['id'], 'id of the first entry');
      entryStatus(answer[1], 201);
      entryStatus(answer[2], 404);
    },
    needs,
  ),
  shall(
    'an entry that fails alters no other',
    async (world) => {
      const name = named(world);
      const good = patient(world, { identifier: [name.identifier] });
      const bad = patient(world, { gender: 'unknowable' });
      const entries = [post(good), post(bad), ask('GET', 'Nothing/1'), post(good)];
      const answer = entriesOf(await submit(world, bundle('batch', entries)), 'batch-response', 4);
      entryStatus(answer[0], 201);
      entryStatus(answer[1], 400, 422);
      entryStatus(answer[2], 400, 404);
      entryStatus(answer[3], 201);
      same(await countOf(world, 'Patient', name.token), 2, 'resources made');
    },
    needs,
  ),
  should(
    'an entry that fails has an OperationOutcome',
    async (world) => {
      const entries = [ask('GET', 'Patient/no-such-patient')];
      const [entry] = entriesOf(await submit(world, bundle('batch', entries)), 'batch-response', 1);
      same(entry?.['response']?.outcome?.resourceType, 'OperationOutcome', 'response.outcome');
    },
    needs,
  ),
  shall(
    'response holds status, location and etag of what was made',
    async (world) => {
      const [entry] = entriesOf(await submit(world, bundle('batch', [post(patient(world))])), 'batch-response', 1);
      const read = await world.get(locatedAt(entry));
      status(read, 200);
      same(entry?.['response'].etag, read.headers.get('etag'), 'response.etag');
      check(entry?.['response'].lastModified !== undefined, 'response.lastModified is missing.');
    },
    needs,
  ),
  shall(
    'search, vread, history, update and delete work inside a batch',
    async (world) => {
      const name = named(world);
      const made = await world.create(patient(world, { identifier: [name.identifier] }));
      const gone = await world.create(patient(world));
      const version = `${nameOf(made)}/_history/${made['meta'].versionId}`;
      const entries = [
        ask('GET', `Patient?identifier=${name.token}`),
        ask('GET', version),
        ask('GET', `${nameOf(gone)}/_history`),
        put({ ...gone, gender: 'male' }, nameOf(gone)),
        ask('DELETE', nameOf(await world.create(patient(world)))),
      ];
      const answer = entriesOf(await submit(world, bundle('batch', entries)), 'batch-response', 5);
      same(answer[0]?.['resource']?.entry?.length, 1, 'matches of the search');
      same(answer[1]?.['resource']?.meta?.versionId, made['meta'].versionId, 'versionId of the vread');
      same(answer[2]?.['resource']?.type, 'history', 'type of the history');
      entryStatus(answer[3], 200);
      entryStatus(answer[4], 200, 204);
    },
    needs,
  ),
  shall(
    'conditional requests inside a batch are honoured',
    async (world) => {
      const name = named(world);
      const made = await world.create(patient(world, { identifier: [name.identifier] }));
      const entries = [
        post(patient(world), undefined, { ifNoneExist: `identifier=${name.token}` }),
        put({ ...made, gender: 'male' }, nameOf(made), { ifMatch: 'W/"no-such-version"' }),
      ];
      const answer = entriesOf(await submit(world, bundle('batch', entries)), 'batch-response', 2);
      entryStatus(answer[0], 200);
      entryStatus(answer[1], 412);
    },
    needs,
  ),
  shall(
    'an empty batch is answered with an empty batch-response',
    async (world) => {
      entriesOf(await submit(world, { resourceType: 'Bundle', type: 'batch' }), 'batch-response', 0);
    },
    needs,
  ),
  should(
    'Prefer: return=minimal leaves the resources out of the answer',
    async (world) => {
      const answer = await submit(world, bundle('batch', [post(patient(world))]), 'return=minimal');
      same(entriesOf(answer, 'batch-response', 1)[0]?.['resource'], undefined, 'resource of the entry');
    },
    needs,
  ),
]);

export const otherBundles = section('other-bundles', 'http.html#other-bundles', [
  shall('a body that is no Bundle is refused at the service base', async (world) => {
    rejected(await world.send('POST', '', { body: patient(world) }));
  }),
  shall('a Bundle without type, or with a type that does not exist, is refused', async (world) => {
    rejected(await world.send('POST', '', { body: { resourceType: 'Bundle' } }));
    rejected(await world.send('POST', '', { body: { resourceType: 'Bundle', type: 'bulk' } }));
  }),
  shall('a Bundle of a type that the server does not process is refused, not ignored', async (world) => {
    const answer = await world.send('POST', '', { body: { resourceType: 'Bundle', type: 'searchset', entry: [] } });
    check(answer.status < 500, `Status ${answer.status}`);
  }),
]);
