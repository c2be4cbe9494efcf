/** The address of a server, of its resources and of their versions. */
import { section, shall, should } from '../case.ts';
import { check, header, rejected, same, status } from '../checks.ts';
import { nameOf, patient } from '../samples.ts';

export const serviceBase = section('service-base', 'http.html#root', [
  shall(
    'all resources of a type share [base]/[type], and an instance is found at [base]/[type]/[id]',
    async (world) => {
      const made = await world.create(patient(world));
      const answer = await world.get(`Patient/${made['id']}`);
      status(answer, 200);
      same(answer.json.resourceType, 'Patient', 'resourceType');
    },
  ),
  shall('the type in a URL is case sensitive', async (world) => {
    const made = await world.create(patient(world));
    rejected(await world.get(`patient/${made['id']}`));
  }),
  shall('the id in a URL is case sensitive', async (world) => {
    const made = await world.create(patient(world));
    const upper = String(made['id']).toUpperCase();
    const other = upper === made['id'] ? upper.toLowerCase() : upper;
    if (other !== made['id']) {
      status(await world.get(`Patient/${other}`), 404);
    }
  }),
  should('the service base is the same place with and without a slash at its end', async (world) => {
    for (const place of [world.client.base, `${world.client.base}/`]) {
      const answer = await world.send('POST', place, { body: { resourceType: 'Bundle', type: 'batch' } });
      status(answer, 200);
      same(answer.json?.type, 'batch-response', `type of the answer of ${place}`);
    }
  }),
  shall('an assigned id is 1 to 64 characters of A-Z a-z 0-9 - .', async (world) => {
    const made = await world.create(patient(world));
    check(/^[A-Za-z0-9\-.]{1,64}$/.test(made['id']), `The id '${made['id']}' is not of the type id.`);
  }),
  shall('an id outside the rules of the type id is an error, not a server fault', async (world) => {
    rejected(await world.get('Patient/under_score'));
    rejected(await world.get(`Patient/${'a'.repeat(65)}`));
  }),
  shall('an unknown resource type is refused', async (world) => {
    rejected(await world.get('Nothing/1'));
    rejected(await world.send('POST', 'Nothing', { body: { resourceType: 'Nothing' } }));
  }),
  should('an unknown resource type is refused with 404', async (world) => {
    status(await world.get('Nothing/1'), 404);
  }),
  shall('the path of an instance with too many segments is refused', async (world) => {
    const made = await world.create(patient(world));
    rejected(await world.get(`${nameOf(made)}/no/such/place`));
  }),
]);

export const versioning = section('versioning', 'http.html#versioning', [
  shall('meta.versionId is the ETag, and meta.lastUpdated the Last-Modified header', async (world) => {
    const made = await world.create(patient(world));
    const answer = await world.get(nameOf(made));
    header(answer, 'etag', new RegExp(`^W/"${answer.json.meta.versionId}"$`));
    const modified = Date.parse(header(answer, 'last-modified', / GMT$/));
    const updated = Date.parse(answer.json.meta.lastUpdated);
    check(
      Math.abs(modified - updated) < 1000,
      `Last-Modified and meta.lastUpdated differ by ${modified - updated} ms.`,
    );
  }),
  shall('a version id conforms to the type id and is unique among the versions of a resource', async (world) => {
    const made = await world.create(patient(world));
    const updated = await world.send('PUT', nameOf(made), { body: { ...made, active: false } });
    status(updated, 200);
    const read = await world.get(nameOf(made));
    check(/^[A-Za-z0-9\-.]{1,64}$/.test(read.json.meta.versionId), `versionId '${read.json.meta.versionId}' is no id.`);
    check(read.json.meta.versionId !== made['meta'].versionId, 'The versionId did not change with an update.');
  }),
  shall('meta.lastUpdated is an instant with seconds and a time zone, and does not go back', async (world) => {
    const made = await world.create(patient(world));
    const instant = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;
    check(instant.test(made['meta'].lastUpdated), `lastUpdated '${made['meta'].lastUpdated}' is no instant.`);
    await world.send('PUT', nameOf(made), { body: { ...made, active: false } });
    const later = (await world.get(nameOf(made))).json.meta.lastUpdated;
    check(Date.parse(later) >= Date.parse(made['meta'].lastUpdated), `lastUpdated went back to ${later}.`);
  }),
  should('a Date header is sent', async (world) => {
    header(await world.get('metadata'), 'date', / GMT$/);
  }),
]);
