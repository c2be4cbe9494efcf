/** create, the Prefer header, and conditional create. */
import { countOf } from '../bundles.ts';
import { section, shall, should } from '../case.ts';
import { check, header, outcome, refused, rejected, same, status } from '../checks.ts';
import { content, nameOf, named, patient } from '../samples.ts';

export const create = section('create', 'http.html#create', [
  shall('201 is returned with Location [base]/[type]/[id]/_history/[vid]', async (world) => {
    const answer = await world.send('POST', 'Patient', { body: patient(world) });
    status(answer, 201);
    const location = header(answer, 'location', /\/Patient\/[A-Za-z0-9\-.]{1,64}\/_history\/[A-Za-z0-9\-.]{1,64}$/);
    check(
      new URL(location, answer.url).href.startsWith(world.client.base),
      `Location ${location} is outside the base.`,
    );
    status(await world.get(location), 200);
  }),
  should('ETag and Last-Modified are returned', async (world) => {
    const answer = await world.send('POST', 'Patient', { body: patient(world) });
    header(answer, 'etag', /^W\/".+"$/);
    header(answer, 'last-modified', / GMT$/);
  }),
  shall('the id that the client sends is ignored', async (world) => {
    const id = world.unique();
    const made = await world.create(patient(world, { id }));
    check(made['id'] !== id, 'The id of the client was kept.');
    status(await world.get(`Patient/${id}`), 404);
  }),
  shall(
    'meta.versionId and meta.lastUpdated that the client sends are ignored, and new ones populated',
    async (world) => {
      const meta = { versionId: 'mine', lastUpdated: '2001-02-03T04:05:06Z' };
      const made = await world.create(patient(world, { meta }));
      check(made['meta'].versionId !== 'mine', 'The versionId of the client was kept.');
      check(
        Date.parse(made['meta'].lastUpdated) > Date.parse('2020-01-01'),
        `lastUpdated is ${made['meta'].lastUpdated}`,
      );
    },
  ),
  should('other metadata is kept as sent', async (world) => {
    const tag = [{ system: 'http://example.org/tags', code: 'kept' }];
    const security = [{ system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code: 'R' }];
    const made = await world.create(patient(world, { meta: { tag, security, source: 'http://example.org/source' } }));
    same([made['meta'].tag, made['meta'].security], [tag, security], 'tags and labels');
    same(made['meta'].source, 'http://example.org/source', 'meta.source');
  }),
  should('the resource is accepted as submitted', async (world) => {
    const sent = patient(world, {
      contained: [{ resourceType: 'Organization', id: 'o', name: 'Lab' }],
      managingOrganization: { reference: '#o' },
      _birthDate: { extension: [{ url: 'http://example.org/fhir/time', valueTime: '10:20:30' }] },
      name: [
        {
          family: 'A',
          given: ['B', null],
          _given: [null, { extension: [{ url: 'http://example.org/x', valueCode: 'c' }] }],
        },
      ],
    });
    same(content((await world.get(nameOf(await world.create(sent)))).json), sent, 'content of the resource');
  }),
  shall('a body that is no JSON is refused with 400', async (world) => {
    refused(await world.send('POST', 'Patient', { body: '{"resourceType":"Patient",' }), 400);
  }),
  shall('an empty body is refused with 400', async (world) => {
    refused(await world.send('POST', 'Patient', { body: '' }), 400);
  }),
  shall('a body that is no resource is refused with 400', async (world) => {
    for (const body of ['[]', '"Patient"', 'null', '1', '{}', '{"resourceType":"Nothing"}', '{"resourceType":7}']) {
      refused(await world.send('POST', 'Patient', { body }), 400, 422);
    }
  }),
  shall('a resource of another type than the URL is refused', async (world) => {
    refused(await world.send('POST', 'Observation', { body: patient(world) }), 400, 422);
  }),
  shall('a resource that breaks the rules of its type is refused, and nothing is created', async (world) => {
    const name = named(world);
    const invalid = [{ gender: 'unknowable' }, { birthDate: '1980-13-01' }, { active: 'yes' }, { noSuchElement: 1 }];
    for (const wrong of invalid) {
      rejected(
        await world.send('POST', 'Patient', { body: patient(world, { identifier: [name.identifier], ...wrong }) }),
      );
    }
    same(await countOf(world, 'Patient', name.token), 0, 'resources made');
  }),
  shall('a resource without a mandatory element is refused', async (world) => {
    refused(
      await world.send('POST', 'Observation', { body: { resourceType: 'Observation', status: 'final' } }),
      400,
      422,
    );
  }),
  should('what is wrong with a resource is said with the place', async (world) => {
    const answer = await world.send('POST', 'Patient', { body: patient(world, { birthDate: 'yesterday' }) });
    const places = (answer.json?.issue ?? []).flatMap((one: { expression?: string[] }) => one.expression ?? []);
    check(
      places.some((place: string) => place.includes('birthDate')),
      `No issue names birthDate: ${answer.text.slice(0, 200)}`,
    );
  }),
]);

export const prefer = section('prefer', 'http.html#return', [
  should('return=minimal gives no body', async (world) => {
    const headers = { prefer: 'return=minimal' };
    const answer = await world.send('POST', 'Patient', { body: patient(world), headers });
    status(answer, 201);
    same(answer.bytes.length, 0, 'bytes of the body');
  }),
  should('return=representation gives the resource as it is held', async (world) => {
    const headers = { prefer: 'return=representation' };
    const answer = await world.send('POST', 'Patient', { body: patient(world), headers });
    same(answer.json?.resourceType, 'Patient', 'resourceType');
    same(answer.json, (await world.get(`Patient/${answer.json.id}`)).json, 'the resource');
  }),
  should('return=OperationOutcome gives an OperationOutcome without errors', async (world) => {
    const headers = { prefer: 'return=OperationOutcome' };
    const answer = await world.send('POST', 'Patient', { body: patient(world), headers });
    status(answer, 201);
    outcome(answer);
    const grave = answer.json.issue.filter((issue: { severity: string }) =>
      ['error', 'fatal'].includes(issue.severity),
    );
    same(grave, [], 'errors in the outcome of a success');
  }),
  should('without the header no OperationOutcome is returned', async (world) => {
    const answer = await world.send('POST', 'Patient', { body: patient(world) });
    status(answer, 201);
    check(answer.json?.resourceType !== 'OperationOutcome', 'An OperationOutcome was returned unasked.');
  }),
  should('the header is honoured by update and patch', async (world) => {
    const made = await world.create(patient(world));
    const headers = { prefer: 'return=minimal' };
    const put = await world.send('PUT', nameOf(made), { body: { ...made, active: false }, headers });
    status(put, 200, 204);
    same(put.bytes.length, 0, 'bytes after update');
    const representation = { prefer: 'return=representation' };
    const again = await world.send('PUT', nameOf(made), {
      body: { ...made, gender: 'other' },
      headers: representation,
    });
    same(again.json?.gender, 'other', 'gender of the representation');
  }),
  should('a failure has an OperationOutcome whatever is preferred', async (world) => {
    const headers = { prefer: 'return=minimal' };
    rejected(await world.send('POST', 'Patient', { body: patient(world, { gender: 'no' }), headers }));
  }),
]);

const claimed = { type: 'Patient', flag: 'conditionalCreate' } as const;

export const conditionalCreate = section('conditional-create', 'http.html#ccreate', [
  shall(
    'no match: the resource is created with 201',
    async (world) => {
      const name = named(world);
      const body = patient(world, { identifier: [name.identifier] });
      const headers = { 'if-none-exist': `identifier=${name.token}` };
      status(await world.send('POST', 'Patient', { body, headers }), 201);
      same(await countOf(world, 'Patient', name.token), 1, 'resources');
    },
    claimed,
  ),
  shall(
    'one match: the post is ignored and 200 returned',
    async (world) => {
      const name = named(world);
      const body = patient(world, { identifier: [name.identifier] });
      const made = await world.create(body);
      const headers = { 'if-none-exist': `identifier=${name.token}` };
      const answer = await world.send('POST', 'Patient', { body: { ...body, gender: 'male' }, headers });
      status(answer, 200);
      const held = await world.get(nameOf(made));
      same([held.json.gender, held.json.meta.versionId], ['female', made['meta'].versionId], 'gender and version');
      same(await countOf(world, 'Patient', name.token), 1, 'resources');
    },
    claimed,
  ),
  should(
    'one match: the answer leads to the resource that matched',
    async (world) => {
      const name = named(world);
      const body = patient(world, { identifier: [name.identifier] });
      const made = await world.create(body);
      const headers = { 'if-none-exist': `identifier=${name.token}` };
      header(await world.send('POST', 'Patient', { body, headers }), 'location', new RegExp(nameOf(made)));
    },
    claimed,
  ),
  shall(
    'several matches: 412, and nothing is created',
    async (world) => {
      const name = named(world);
      const body = patient(world, { identifier: [name.identifier] });
      await world.create(body);
      await world.create(body);
      const headers = { 'if-none-exist': `identifier=${name.token}` };
      refused(await world.send('POST', 'Patient', { body, headers }), 412);
      same(await countOf(world, 'Patient', name.token), 2, 'resources');
    },
    claimed,
  ),
  should(
    'a criterion that cannot be searched is refused, and nothing is created',
    async (world) => {
      const name = named(world);
      const body = patient(world, { identifier: [name.identifier] });
      const headers = { 'if-none-exist': 'no-such-parameter=1' };
      rejected(await world.send('POST', 'Patient', { body, headers }));
      same(await countOf(world, 'Patient', name.token), 0, 'resources');
    },
    claimed,
  ),
  shall(
    'a deleted resource does not match',
    async (world) => {
      const name = named(world);
      const body = patient(world, { identifier: [name.identifier] });
      await world.send('DELETE', nameOf(await world.create(body)));
      const headers = { 'if-none-exist': `identifier=${name.token}` };
      status(await world.send('POST', 'Patient', { body, headers }), 201);
    },
    claimed,
  ),
]);
