/** Conditional update: the resource is found by a search. */
import { countOf } from '../bundles.ts';
import { section, shall, should, type Case } from '../case.ts';
import { check, header, refused, rejected, same, status } from '../checks.ts';
import { nameOf, named, patient } from '../samples.ts';
import type { World } from '../world.ts';

const needs = { type: 'Patient', flag: 'conditionalUpdate' } as const;
const required = (title: string, run: (world: World) => Promise<void>): Case => shall(title, run, needs);

export const conditionalUpdate = section('conditional-update', 'http.html#cond-update', [
  required('no match and no id: the resource is created', async (world) => {
    const name = named(world);
    const body = patient(world, { identifier: [name.identifier] });
    const answer = await world.send('PUT', `Patient?identifier=${name.token}`, { body });
    status(answer, 201);
    header(answer, 'location', /\/Patient\/[^/]+\/_history\//);
    same(await countOf(world, 'Patient', name.token), 1, 'resources');
  }),
  required('no match and an id: update as create with that id, or a refusal', async (world) => {
    const name = named(world);
    const id = world.unique();
    const body = patient(world, { id, identifier: [name.identifier] });
    const answer = await world.send('PUT', `Patient?identifier=${name.token}`, { body });
    status(answer, 201, 400, 403, 404, 405, 409, 422);
    const expected = answer.status === 201 ? 200 : 404;
    status(await world.get(`Patient/${id}`), expected);
  }),
  required('one match and no id: the match is updated', async (world) => {
    const name = named(world);
    const body = patient(world, { identifier: [name.identifier] });
    const made = await world.create(body);
    status(await world.send('PUT', `Patient?identifier=${name.token}`, { body: { ...body, gender: 'male' } }), 200);
    const { json: held } = await world.get(nameOf(made));
    same(held.gender, 'male', 'gender');
    check(held.meta.versionId !== made['meta'].versionId, 'The version did not change.');
  }),
  required('one match and its id: the match is updated', async (world) => {
    const name = named(world);
    const made = await world.create(patient(world, { identifier: [name.identifier] }));
    const answer = await world.send('PUT', `Patient?identifier=${name.token}`, { body: { ...made, gender: 'male' } });
    status(answer, 200);
  }),
  required('one match and another id: 400, and nothing changes', async (world) => {
    const name = named(world);
    const made = await world.create(patient(world, { identifier: [name.identifier] }));
    const body = { ...made, id: world.unique(), gender: 'male' };
    refused(await world.send('PUT', `Patient?identifier=${name.token}`, { body }), 400);
    same((await world.get(nameOf(made))).json.gender, 'female', 'gender');
  }),
  required('several matches: 412, and nothing changes', async (world) => {
    const name = named(world);
    const body = patient(world, { identifier: [name.identifier] });
    const made = [await world.create(body), await world.create(body)];
    refused(await world.send('PUT', `Patient?identifier=${name.token}`, { body: { ...body, gender: 'male' } }), 412);
    for (const one of made) {
      same((await world.get(nameOf(one))).json.gender, 'female', 'gender');
    }
  }),
  should(
    'a criterion that cannot be searched is refused',
    async (world) => {
      const { token } = named(world);
      rejected(await world.send('PUT', `Patient?identifier=${token}&no-such-parameter=1`, { body: patient(world) }));
    },
    needs,
  ),
  required('a deleted resource does not match', async (world) => {
    const name = named(world);
    const body = patient(world, { identifier: [name.identifier] });
    const made = await world.create(body);
    await world.send('DELETE', nameOf(made));
    status(await world.send('PUT', `Patient?identifier=${name.token}`, { body }), 201);
    status(await world.get(nameOf(made)), 410, 404);
  }),
  required('If-Match applies to the resource that matched', async (world) => {
    const name = named(world);
    const body = patient(world, { identifier: [name.identifier] });
    const made = await world.create(body);
    const headers = { 'if-match': 'W/"no-such-version"' };
    refused(
      await world.send('PUT', `Patient?identifier=${name.token}`, { body: { ...body, gender: 'male' }, headers }),
      412,
      400,
    );
    same((await world.get(nameOf(made))).json.gender, 'female', 'gender');
  }),
]);
