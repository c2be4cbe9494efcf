/** update, update as create and version aware update. */
import { section, shall, should } from '../case.ts';
import { check, header, refused, rejected, same, status } from '../checks.ts';
import { content, nameOf, patient } from '../samples.ts';

export const update = section('update', 'http.html#update', [
  shall('200 is returned with Last-Modified and an ETag of the new version', async (world) => {
    const made = await world.create(patient(world));
    const answer = await world.send('PUT', nameOf(made), { body: { ...made, gender: 'male' } });
    status(answer, 200);
    header(answer, 'last-modified', / GMT$/);
    const version = /^W\/"(.+)"$/.exec(header(answer, 'etag', /^W\/".+"$/))?.[1];
    check(version !== made['meta'].versionId, 'The ETag names the version before the update.');
    same((await world.get(nameOf(made))).json.meta.versionId, version, 'meta.versionId');
  }),
  shall('the whole content is replaced', async (world) => {
    const made = await world.create(patient(world));
    const { birthDate: _left, ...rest } = made;
    status(await world.send('PUT', nameOf(made), { body: rest }), 200);
    same((await world.get(nameOf(made))).json.birthDate, undefined, 'birthDate');
  }),
  shall('a body without id is refused with 400', async (world) => {
    const made = await world.create(patient(world));
    refused(await world.send('PUT', nameOf(made), { body: patient(world) }), 400);
  }),
  shall('a body with another id than the URL is refused with 400', async (world) => {
    const made = await world.create(patient(world));
    refused(await world.send('PUT', nameOf(made), { body: { ...made, id: world.unique() } }), 400);
    same((await world.get(nameOf(made))).json.meta.versionId, made['meta'].versionId, 'meta.versionId');
  }),
  shall('a body of another type than the URL is refused', async (world) => {
    const made = await world.create(patient(world));
    const body = { resourceType: 'Organization', id: made['id'], name: 'Other' };
    refused(await world.send('PUT', nameOf(made), { body }), 400, 422);
  }),
  shall('versionId and lastUpdated of the body are ignored, and the new ones populated', async (world) => {
    const made = await world.create(patient(world));
    const meta = { versionId: '77', lastUpdated: '2001-02-03T04:05:06Z' };
    status(await world.send('PUT', nameOf(made), { body: { ...made, gender: 'male', meta } }), 200);
    const { json: read } = await world.get(nameOf(made));
    check(read.meta.versionId !== '77', 'The versionId of the client was kept.');
    check(
      Date.parse(read.meta.lastUpdated) >= Date.parse(made['meta'].lastUpdated),
      'lastUpdated of the client was kept.',
    );
  }),
  should('the resource is accepted as submitted', async (world) => {
    const made = await world.create(patient(world));
    const sent = {
      ...content(made),
      contact: [{ name: { text: 'Aunt' } }],
      extension: [{ url: 'http://example.org/e', valueDecimal: 1.5 }],
    };
    await world.send('PUT', nameOf(made), { body: { ...sent, id: made['id'] } });
    same(content((await world.get(nameOf(made))).json), sent, 'content of the resource');
  }),
  shall('a resource that breaks the rules of its type is refused, and the version stays', async (world) => {
    const made = await world.create(patient(world));
    rejected(await world.send('PUT', nameOf(made), { body: { ...made, gender: 'unknowable' } }));
    refused(await world.send('PUT', nameOf(made), { body: '{"resourceType":' }), 400);
    same((await world.get(nameOf(made))).json.meta.versionId, made['meta'].versionId, 'meta.versionId');
  }),
  shall('a deleted resource can be brought back by an update', async (world) => {
    const made = await world.create(patient(world));
    await world.send('DELETE', nameOf(made));
    status(await world.send('PUT', nameOf(made), { body: made }), 200, 201);
    status(await world.get(nameOf(made)), 200);
  }),
]);

const claimed = { type: 'Patient', flag: 'updateCreate' } as const;

export const updateAsCreate = section('update-as-create', 'http.html#upsert', [
  shall(
    'PUT to an id that does not exist creates with 201, Last-Modified and ETag',
    async (world) => {
      const id = world.unique();
      const answer = await world.send('PUT', `Patient/${id}`, { body: patient(world, { id }) });
      status(answer, 201);
      header(answer, 'etag', /^W\/".+"$/);
      header(answer, 'last-modified', / GMT$/);
      same((await world.get(`Patient/${id}`)).json.id, id, 'id');
    },
    claimed,
  ),
  should(
    'a Location header is returned with 201',
    async (world) => {
      const id = world.unique();
      const answer = await world.send('PUT', `Patient/${id}`, { body: patient(world, { id }) });
      header(answer, 'location', new RegExp(`/Patient/${id}(/_history/.+)?$`));
    },
    claimed,
  ),
  shall('where it is not claimed, PUT to an id that does not exist is refused', async (world) => {
    const types = world.capability['rest']?.[0]?.resource ?? [];
    if (types.find((one: { type: string }) => one.type === 'Patient')?.updateCreate === true) {
      return;
    }
    const id = world.unique();
    const answer = await world.send('PUT', `Patient/${id}`, { body: patient(world, { id }) });
    refused(answer, 400, 403, 404, 405, 409, 422);
  }),
  shall('an id that is not of the type id is refused', async (world) => {
    const id = 'not_an_id';
    rejected(await world.send('PUT', `Patient/${id}`, { body: patient(world, { id }) }));
  }),
]);

const aware = { type: 'Patient', interaction: 'update' } as const;

export const concurrency = section('concurrency', 'http.html#concurrency', [
  should('an ETag is returned with each resource', async (world) => {
    const made = await world.create(patient(world));
    header(await world.get(nameOf(made)), 'etag', /^W\/".+"$/);
  }),
  shall(
    'If-Match with the current version lets the update pass',
    async (world) => {
      const made = await world.create(patient(world));
      const headers = { 'if-match': `W/"${made['meta'].versionId}"` };
      status(await world.send('PUT', nameOf(made), { body: { ...made, gender: 'male' }, headers }), 200);
    },
    aware,
  ),
  shall(
    'If-Match with an old version is answered 412, and nothing changes',
    async (world) => {
      const made = await world.create(patient(world));
      await world.send('PUT', nameOf(made), { body: { ...made, gender: 'male' } });
      const headers = { 'if-match': `W/"${made['meta'].versionId}"` };
      refused(await world.send('PUT', nameOf(made), { body: { ...made, gender: 'other' }, headers }), 412);
      same((await world.get(nameOf(made))).json.gender, 'male', 'gender');
    },
    aware,
  ),
  shall(
    'If-Match on a resource that does not exist creates nothing',
    async (world) => {
      const id = world.unique();
      const headers = { 'if-match': 'W/"1"' };
      refused(await world.send('PUT', `Patient/${id}`, { body: patient(world, { id }), headers }), 412, 404, 405, 409);
      status(await world.get(`Patient/${id}`), 404);
    },
    aware,
  ),
  shall(
    'If-Match that is no ETag is refused',
    async (world) => {
      const made = await world.create(patient(world));
      const headers = { 'if-match': 'rubbish' };
      refused(await world.send('PUT', nameOf(made), { body: { ...made, gender: 'other' }, headers }), 400, 412);
    },
    aware,
  ),
  should(
    'of two updates with one ETag the second is refused',
    async (world) => {
      const made = await world.create(patient(world));
      const headers = { 'if-match': `W/"${made['meta'].versionId}"` };
      const both = await Promise.all(
        ['male', 'other'].map((gender) => world.send('PUT', nameOf(made), { body: { ...made, gender }, headers })),
      );
      same(
        both.map((answer) => answer.status).toSorted((a, b) => a - b),
        [200, 412],
        'statuses of the two',
      );
    },
    aware,
  ),
]);
