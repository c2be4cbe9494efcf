/** transaction: all or nothing, in an order of its own. */
import { ask, bundle, countOf, entriesOf, entryStatus, locatedAt, post, put, submit, type Entry } from '../bundles.ts';
import { section, shall, should, type Case } from '../case.ts';
import { check, outcome, refused, rejected, same, status } from '../checks.ts';
import { nameOf, named, observation, patient } from '../samples.ts';
import type { World } from '../world.ts';

const needs = { interaction: 'transaction' } as const;
const required = (title: string, run: (world: World) => Promise<void>): Case => shall(title, run, needs);

/** A way in which the second entry of a transaction fails. */
const failing: readonly (readonly [string, (world: World) => Entry, readonly number[]])[] = [
  ['an invalid resource', (world) => post(patient(world, { gender: 'unknowable' })), [400, 422]],
  ['a request that does not exist', () => ask('GET', 'Nothing/1'), [400, 404]],
  [
    'an If-Match that does not hold',
    (world) => put(patient(world, { id: 'x' }), 'Patient/x', { ifMatch: 'W/"9"' }),
    [404, 405, 409, 412],
  ],
  ['a PUT whose id is not that of the URL', (world) => put(patient(world, { id: 'x' }), 'Patient/y'), [400, 422]],
  ['a POST without a resource', () => ({ request: { method: 'POST', url: 'Patient' } }), [400, 422]],
  ['an entry without a request', (world) => ({ resource: patient(world) }) as unknown as Entry, [400, 422]],
  ['a method that does not exist', () => ({ request: { method: 'MERGE', url: 'Patient' } }), [400, 405, 422]],
];

const atomic = failing.map(([what, entry, statuses]) =>
  required(`all or nothing: ${what} undoes the rest, and one OperationOutcome is returned`, async (world) => {
    const name = named(world);
    const good = patient(world, { identifier: [name.identifier] });
    const answer = await submit(world, bundle('transaction', [post(good), entry(world), post(good)]));
    refused(answer, ...statuses);
    same(await countOf(world, 'Patient', name.token), 0, 'resources made');
  }),
);

/** Entries in which one identity appears twice. */
async function overlapping(world: World): Promise<[string, Entry[]][]> {
  const name = named(world);
  const made = await world.create(patient(world, { identifier: [name.identifier] }));
  const update = put({ ...made, gender: 'male' }, nameOf(made));
  const conditional = put(
    patient(world, { identifier: [name.identifier], gender: 'other' }),
    `Patient?identifier=${name.token}`,
  );
  return [
    ['two updates', [update, put({ ...made, gender: 'other' }, nameOf(made))]],
    ['an update and a delete', [update, ask('DELETE', nameOf(made))]],
    ['an update and a conditional update', [update, conditional]],
    [
      'a delete and a conditional delete',
      [ask('DELETE', nameOf(made)), ask('DELETE', `Patient?identifier=${name.token}`)],
    ],
  ];
}

export const transaction = section('transaction', 'http.html#trules', [
  required('a transaction-response has one entry for each entry of the request, in the same order', async (world) => {
    const made = await world.create(patient(world));
    const gone = await world.create(patient(world));
    const entries = [
      ask('GET', nameOf(made)),
      put({ ...made, gender: 'male' }, nameOf(made)),
      post(patient(world)),
      ask('DELETE', nameOf(gone)),
    ];
    const answer = entriesOf(await submit(world, bundle('transaction', entries)), 'transaction-response', 4);
    entryStatus(answer[0], 200);
    entryStatus(answer[1], 200);
    entryStatus(answer[2], 201);
    entryStatus(answer[3], 200, 204);
    same(answer[0]?.['resource']?.id, made['id'], 'id of the first entry');
    status(await world.get(nameOf(gone)), 410, 404);
  }),
  required('response holds status, location and etag of what was made', async (world) => {
    const [entry] = entriesOf(
      await submit(world, bundle('transaction', [post(patient(world))])),
      'transaction-response',
      1,
    );
    const read = await world.get(locatedAt(entry));
    status(read, 200);
    same(entry?.['response'].etag, read.headers.get('etag'), 'response.etag');
  }),
  required('an empty transaction is no error', async (world) => {
    entriesOf(await submit(world, { resourceType: 'Bundle', type: 'transaction' }), 'transaction-response', 0);
  }),
  ...atomic,
  required('PUT is processed before GET, wherever they stand', async (world) => {
    const made = await world.create(patient(world));
    const entries = [ask('GET', nameOf(made)), put({ ...made, gender: 'male' }, nameOf(made))];
    const answer = entriesOf(await submit(world, bundle('transaction', entries)), 'transaction-response', 2);
    same(answer[0]?.['resource']?.gender, 'male', 'gender that the GET sees');
  }),
  required('DELETE is processed before POST, wherever they stand', async (world) => {
    const name = named(world);
    const body = patient(world, { identifier: [name.identifier] });
    const made = await world.create(body);
    const create = post(body, undefined, { ifNoneExist: `identifier=${name.token}` });
    const answer = await submit(world, bundle('transaction', [create, ask('DELETE', nameOf(made))]));
    const entries = entriesOf(answer, 'transaction-response', 2);
    entryStatus(entries[0], 201);
    status(await world.get(nameOf(made)), 410, 404);
    same(await countOf(world, 'Patient', name.token), 1, 'resources left');
  }),
  required('POST is processed before GET: a search inside finds what the transaction makes', async (world) => {
    const name = named(world);
    const create = post(patient(world, { identifier: [name.identifier] }));
    const search = ask('GET', `Patient?identifier=${name.token}`);
    const answer = await submit(world, bundle('transaction', [search, create]));
    const entries = entriesOf(answer, 'transaction-response', 2);
    same(entries[0]?.['resource']?.entry?.length, 1, 'matches of the search');
  }),
  ...[
    'two updates',
    'an update and a delete',
    'an update and a conditional update',
    'a delete and a conditional delete',
  ].map((what) =>
    required(`identities that overlap are refused: ${what}`, async (world) => {
      const entries = (await overlapping(world)).find(([name]) => name === what)?.[1] ?? [];
      rejected(await submit(world, bundle('transaction', entries)));
    }),
  ),
  required('ifNoneExist: a match is not created again, and the entry leads to it', async (world) => {
    const name = named(world);
    const made = await world.create(patient(world, { identifier: [name.identifier] }));
    const create = post(patient(world), undefined, { ifNoneExist: `identifier=${name.token}` });
    const [entry] = entriesOf(await submit(world, bundle('transaction', [create])), 'transaction-response', 1);
    entryStatus(entry, 200);
    same(locatedAt(entry), nameOf(made), 'location of the entry');
  }),
  required('ifNoneExist and conditional update with several matches fail the transaction', async (world) => {
    const name = named(world);
    const body = patient(world, { identifier: [name.identifier] });
    await world.create(body);
    await world.create(body);
    const create = post(body, undefined, { ifNoneExist: `identifier=${name.token}` });
    refused(await submit(world, bundle('transaction', [create])), 412);
    refused(await submit(world, bundle('transaction', [put(body, `Patient?identifier=${name.token}`)])), 412);
  }),
  required('ifMatch is honoured', async (world) => {
    const made = await world.create(patient(world));
    const changed = { ...made, gender: 'male' };
    const wrong = put(changed, nameOf(made), { ifMatch: 'W/"no-such-version"' });
    refused(await submit(world, bundle('transaction', [wrong])), 412);
    const right = put(changed, nameOf(made), { ifMatch: `W/"${made['meta'].versionId}"` });
    entriesOf(await submit(world, bundle('transaction', [right])), 'transaction-response', 1);
  }),
  required('conditional update and conditional delete work inside a transaction', async (world) => {
    const [name, other] = [named(world), named(world)];
    const made = await world.create(patient(world, { identifier: [name.identifier] }));
    const gone = await world.create(patient(world, { identifier: [other.identifier] }));
    const entries = [
      put(patient(world, { identifier: [name.identifier], gender: 'other' }), `Patient?identifier=${name.token}`),
      ask('DELETE', `Patient?identifier=${other.token}`),
    ];
    entriesOf(await submit(world, bundle('transaction', entries)), 'transaction-response', 2);
    same((await world.get(nameOf(made))).json.gender, 'other', 'gender');
    status(await world.get(nameOf(gone)), 410, 404);
  }),
  shall(
    'a JSON Patch in a Binary and a FHIRPath Patch in Parameters work inside a transaction',
    async (world) => {
      const [one, two] = [await world.create(patient(world)), await world.create(patient(world))];
      const data = Buffer.from('[{"op":"replace","path":"/gender","value":"male"}]').toString('base64');
      const binary = { resourceType: 'Binary', contentType: 'application/json-patch+json', data };
      const part = [
        { name: 'type', valueCode: 'replace' },
        { name: 'path', valueString: 'Patient.gender' },
        { name: 'value', valueCode: 'other' },
      ];
      const parameters = { resourceType: 'Parameters', parameter: [{ name: 'operation', part }] };
      const entries: Entry[] = [
        { resource: binary, request: { method: 'PATCH', url: nameOf(one) } },
        { resource: parameters, request: { method: 'PATCH', url: nameOf(two) } },
      ];
      entriesOf(await submit(world, bundle('transaction', entries)), 'transaction-response', 2);
      same(
        [(await world.get(nameOf(one))).json.gender, (await world.get(nameOf(two))).json.gender],
        ['male', 'other'],
        'genders',
      );
    },
    { type: 'Patient', interaction: 'patch', patchFormat: 'application/fhir+json' },
  ),
  should(
    'Prefer: return=minimal leaves the resources out of the answer',
    async (world) => {
      const answer = await submit(world, bundle('transaction', [post(patient(world))]), 'return=minimal');
      same(entriesOf(answer, 'transaction-response', 1)[0]?.['resource'], undefined, 'resource of the entry');
    },
    needs,
  ),
  required('references between resources that a transaction changes stay whole', async (world) => {
    const made = await world.create(patient(world));
    const entries = [put({ ...made, gender: 'male' }, nameOf(made)), post(observation(world, nameOf(made)))];
    const answer = entriesOf(await submit(world, bundle('transaction', entries)), 'transaction-response', 2);
    const seen = await world.get(locatedAt(answer[1]));
    check(seen.json.subject.reference.endsWith(nameOf(made)), `subject is ${seen.json.subject.reference}`);
  }),
  required('a failed transaction is answered with an OperationOutcome and no Bundle', async (world) => {
    const answer = await submit(world, bundle('transaction', [post(patient(world, { birthDate: 'no' }))]));
    outcome(answer);
    check(answer.status >= 400 && answer.status < 500, `Status ${answer.status}`);
  }),
]);
