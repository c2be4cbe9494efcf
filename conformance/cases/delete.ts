/** delete and conditional delete. */
import { countOf } from '../bundles.ts';
import { section, shall, should } from '../case.ts';
import { refused, rejected, same, status } from '../checks.ts';
import { nameOf, named, patient } from '../samples.ts';
import type { Resource, World } from '../world.ts';

export const deletion = section('delete', 'http.html#delete', [
  should('a deletion is answered 200 with a payload, 202, or 204 without', async (world) => {
    const answer = await world.send('DELETE', nameOf(await world.create(patient(world))));
    status(answer, 200, 202, 204);
    same(answer.bytes.length > 0, answer.status === 200, 'whether there is a payload');
  }),
  shall('a deleted resource is no longer read', async (world) => {
    const made = await world.create(patient(world));
    await world.send('DELETE', nameOf(made));
    refused(await world.get(nameOf(made)), 410, 404);
  }),
  shall('a deleted resource is no longer found by search', async (world) => {
    const name = named(world);
    await world.send('DELETE', nameOf(await world.create(patient(world, { identifier: [name.identifier] }))));
    same(await countOf(world, 'Patient', name.token), 0, 'resources found');
  }),
  shall('deleting again has no effect and is no error', async (world) => {
    const made = await world.create(patient(world));
    await world.send('DELETE', nameOf(made));
    const before = (await world.get(`${nameOf(made)}/_history`)).json.entry.length;
    status(await world.send('DELETE', nameOf(made)), 200, 202, 204);
    same((await world.get(`${nameOf(made)}/_history`)).json.entry.length, before, 'versions in the history');
  }),
  should('deleting what never existed is no error', async (world) => {
    status(await world.send('DELETE', `Patient/${world.unique()}`), 200, 202, 204);
  }),
  shall('the version history is kept, with a deletion in it', async (world) => {
    const made = await world.create(patient(world));
    await world.send('DELETE', nameOf(made));
    const { json: history } = await world.get(`${nameOf(made)}/_history`);
    const methods = history.entry.map((entry: Resource) => entry['request'].method);
    same(methods, ['DELETE', 'POST'], 'request.method of the entries');
    same(history.entry[0].resource, undefined, 'resource of the deletion');
  }),
  shall('If-Match with an old version does not delete', async (world) => {
    const made = await world.create(patient(world));
    const headers = { 'if-match': 'W/"no-such-version"' };
    refused(await world.send('DELETE', nameOf(made), { headers }), 412, 409);
    status(await world.get(nameOf(made)), 200);
  }),
]);

const single = { type: 'Patient', flag: 'conditionalDelete' } as const;

/** `single` or `multiple`, as the CapabilityStatement claims for the type. */
function extent(world: World, type: string): string {
  const types: Resource[] = world.capability['rest']?.[0]?.resource ?? [];
  return String(types.find((one) => one['type'] === type)?.['conditionalDelete']);
}

export const conditionalDelete = section('conditional-delete', 'http.html#cdelete', [
  shall(
    'no match deletes nothing and is no server fault',
    async (world) => {
      status(await world.send('DELETE', `Patient?identifier=${named(world).token}`), 200, 202, 204, 404);
    },
    single,
  ),
  shall(
    'one match is deleted',
    async (world) => {
      const name = named(world);
      const made = await world.create(patient(world, { identifier: [name.identifier] }));
      status(await world.send('DELETE', `Patient?identifier=${name.token}`), 200, 202, 204);
      status(await world.get(nameOf(made)), 410, 404);
    },
    single,
  ),
  shall(
    'several matches: all are deleted, or none with 412, as the CapabilityStatement says',
    async (world) => {
      const name = named(world);
      const body = patient(world, { identifier: [name.identifier] });
      await world.create(body);
      await world.create(body);
      const answer = await world.send('DELETE', `Patient?identifier=${name.token}`);
      const multiple = extent(world, 'Patient') === 'multiple';
      status(answer, ...(multiple ? [200, 202, 204, 412] : [412]));
      same(await countOf(world, 'Patient', name.token), answer.status === 412 ? 2 : 0, 'resources left');
    },
    single,
  ),
  should(
    'a criterion that cannot be searched deletes nothing',
    async (world) => {
      const name = named(world);
      const made = await world.create(patient(world, { identifier: [name.identifier] }));
      rejected(await world.send('DELETE', `Patient?identifier=${name.token}&no-such-parameter=1`));
      status(await world.get(nameOf(made)), 200);
    },
    single,
  ),
]);
