/** read, conditional read and vread. */
import { section, shall, should } from '../case.ts';
import { check, header, refused, same, status } from '../checks.ts';
import { content, nameOf, patient } from '../samples.ts';
import type { Resource, World } from '../world.ts';

export const read = section('read', 'http.html#read', [
  shall('the resource of the URL is returned with 200, and its id is the id of the URL', async (world) => {
    const made = await world.create(patient(world));
    const answer = await world.get(nameOf(made));
    status(answer, 200);
    same([answer.json.resourceType, answer.json.id], ['Patient', made['id']], 'type and id');
  }),
  should('ETag with the version id and Last-Modified are returned', async (world) => {
    const answer = await world.get(nameOf(await world.create(patient(world))));
    header(answer, 'etag', new RegExp(`^W/"${answer.json.meta.versionId}"$`));
    header(answer, 'last-modified', / GMT$/);
  }),
  shall('an unknown resource is answered 404', async (world) => {
    refused(await world.get(`Patient/${world.unique()}`), 404);
  }),
  shall('the id of a resource of another type is unknown', async (world) => {
    const made = await world.create(patient(world));
    status(await world.get(`Observation/${made['id']}`), 404);
  }),
  shall('a deleted resource is answered 410, or 404 where deletions are not tracked', async (world) => {
    const made = await world.create(patient(world));
    await world.send('DELETE', nameOf(made));
    refused(await world.get(nameOf(made)), 410, 404);
  }),
  should('a deleted resource is answered 410', async (world) => {
    const made = await world.create(patient(world));
    await world.send('DELETE', nameOf(made));
    status(await world.get(nameOf(made)), 410);
  }),
  shall('the current version is what is read', async (world) => {
    const made = await world.create(patient(world));
    await world.send('PUT', nameOf(made), { body: { ...made, gender: 'male' } });
    same((await world.get(nameOf(made))).json.gender, 'male', 'Patient.gender');
  }),
]);

const claimed = { type: 'Patient', flag: 'conditionalRead' } as const;

export const conditionalRead = section('conditional-read', 'http.html#cread', [
  shall('If-None-Match with the current version is answered 304 without a body, or in full', async (world) => {
    const answer = await world.get(nameOf(await world.create(patient(world))), { 'if-none-match': 'W/"1"' });
    status(answer, 304, 200);
    check(answer.status === 200 || answer.bytes.length === 0, 'A 304 has a body.');
  }),
  shall('If-None-Match with another version is answered in full', async (world) => {
    const name = nameOf(await world.create(patient(world)));
    const answer = await world.get(name, { 'if-none-match': 'W/"no-such-version"' });
    status(answer, 200);
    same(answer.json.resourceType, 'Patient', 'resourceType');
  }),
  shall('If-Modified-Since before the last change is answered in full', async (world) => {
    const name = nameOf(await world.create(patient(world)));
    status(await world.get(name, { 'if-modified-since': 'Sat, 01 Jan 2000 00:00:00 GMT' }), 200);
  }),
  ...notModified(),
]);

function notModified() {
  const withCurrentETag = async (world: World): Promise<void> => {
    const made = await world.create(patient(world));
    const { headers } = await world.get(nameOf(made));
    const answer = await world.get(nameOf(made), { 'if-none-match': headers.get('etag') ?? '' });
    status(answer, 304);
    header(answer, 'etag', /^W\/".+"$/);
  };
  const withLastModified = async (world: World): Promise<void> => {
    const made = await world.create(patient(world));
    const { headers } = await world.get(nameOf(made));
    status(await world.get(nameOf(made), { 'if-modified-since': headers.get('last-modified') ?? '' }), 304);
  };
  const oneOfSeveral = async (world: World): Promise<void> => {
    const made = await world.create(patient(world));
    const { headers } = await world.get(nameOf(made));
    status(await world.get(nameOf(made), { 'if-none-match': `W/"other", ${headers.get('etag')}` }), 304);
  };
  return [
    shall('where conditional read is claimed, the current ETag is answered 304', withCurrentETag, claimed),
    shall('where conditional read is claimed, the Last-Modified date is answered 304', withLastModified, claimed),
    should('where conditional read is claimed, one of several ETags is enough', oneOfSeveral, claimed),
  ];
}

/** Versions 1 and 2 of a patient: gender female, then male. */
async function twoVersions(world: World): Promise<{ name: string; first: Resource; second: Resource }> {
  const first = await world.create(patient(world));
  const name = nameOf(first);
  status(await world.send('PUT', name, { body: { ...first, gender: 'male' } }), 200);
  return { name, first, second: (await world.get(name)).json };
}

export const vread = section('vread', 'http.html#vread', [
  shall('a version is returned with id and meta.versionId of the URL', async (world) => {
    const { name, first, second } = await twoVersions(world);
    for (const version of [first, second]) {
      const answer = await world.get(`${name}/_history/${version['meta'].versionId}`);
      status(answer, 200);
      same(
        [answer.json.id, answer.json.meta.versionId],
        [version['id'], version['meta'].versionId],
        'id and versionId',
      );
      same(content(answer.json), content(version), 'content of the version');
    }
  }),
  should('ETag with the version id and Last-Modified are returned', async (world) => {
    const { name, first } = await twoVersions(world);
    const answer = await world.get(`${name}/_history/${first['meta'].versionId}`);
    header(answer, 'etag', new RegExp(`^W/"${first['meta'].versionId}"$`));
    header(answer, 'last-modified', / GMT$/);
  }),
  shall('an unknown version is answered 404', async (world) => {
    const { name } = await twoVersions(world);
    refused(await world.get(`${name}/_history/999`), 404);
    refused(await world.get(`${name}/_history/no-such-version`), 404, 400);
  }),
  shall('a version of an unknown resource is answered 404', async (world) => {
    refused(await world.get(`Patient/${world.unique()}/_history/1`), 404);
  }),
  should('the version at which the resource was deleted is answered 410', async (world) => {
    const { name } = await twoVersions(world);
    await world.send('DELETE', name);
    const history = await world.get(`${name}/_history`);
    const deletion = history.json.entry.find((entry: Resource) => entry['request']?.method === 'DELETE');
    const version = /"(.+)"/.exec(deletion?.response?.etag ?? '')?.[1] ?? '3';
    refused(await world.get(`${name}/_history/${version}`), 410);
  }),
  shall('earlier versions remain readable after a delete', async (world) => {
    const { name, first } = await twoVersions(world);
    await world.send('DELETE', name);
    const answer = await world.get(`${name}/_history/${first['meta'].versionId}`);
    status(answer, 200);
    same(content(answer.json), content(first), 'content of version 1');
  }),
  shall('past versions cannot be updated or deleted', async (world) => {
    const { name, first } = await twoVersions(world);
    const version = `${name}/_history/${first['meta'].versionId}`;
    const put = await world.send('PUT', version, { body: { ...first, gender: 'other' } });
    const gone = await world.send('DELETE', version);
    check(put.status >= 400 && put.status < 500, `PUT on a version: ${put.status}`);
    check(gone.status >= 400 && gone.status < 500, `DELETE on a version: ${gone.status}`);
    same(content((await world.get(version)).json), content(first), 'content of version 1');
  }),
]);
