/** patch by JSON Patch (RFC 6902), its conditions and its failures. */
import { section, shall, should, type Case } from '../case.ts';
import { check, header, refused, rejected, same, status } from '../checks.ts';
import type { Answer } from '../client.ts';
import { nameOf, named, patient } from '../samples.ts';
import type { World } from '../world.ts';

export const jsonPatch = 'application/json-patch+json';
const needs = { type: 'Patient', interaction: 'patch', patchFormat: jsonPatch } as const;
const required = (title: string, run: (world: World) => Promise<void>): Case => shall(title, run, needs);

function send(world: World, path: string, steps: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  return world.send('PATCH', path, { body: steps, headers: { 'content-type': jsonPatch, ...headers } });
}

const male = [{ op: 'replace', path: '/gender', value: 'male' }];

/** Each operation of RFC 6902 on the sample patient, and what one element is afterwards. */
const operations: readonly (readonly [string, unknown[], string, unknown])[] = [
  ['add a member', [{ op: 'add', path: '/maritalStatus', value: { text: 'M' } }], 'maritalStatus', { text: 'M' }],
  [
    'add at the end of an array',
    [{ op: 'add', path: '/name/0/given/-', value: 'Two' }],
    'name',
    [{ family: 'Conformance', given: ['Case', 'Two'] }],
  ],
  [
    'add inside an array',
    [{ op: 'add', path: '/name/0/given/0', value: 'Zero' }],
    'name',
    [{ family: 'Conformance', given: ['Zero', 'Case'] }],
  ],
  ['remove', [{ op: 'remove', path: '/birthDate' }], 'birthDate', undefined],
  ['replace', male, 'gender', 'male'],
  [
    'move',
    [{ op: 'move', from: '/name/0/family', path: '/name/0/text' }],
    'name',
    [{ given: ['Case'], text: 'Conformance' }],
  ],
  [
    'copy',
    [{ op: 'copy', from: '/name/0/family', path: '/name/0/text' }],
    'name',
    [{ family: 'Conformance', given: ['Case'], text: 'Conformance' }],
  ],
  ['test that holds', [{ op: 'test', path: '/gender', value: 'female' }, ...male], 'gender', 'male'],
];

const applied = operations.map(([what, steps, element, expected]) =>
  required(`JSON Patch: ${what}`, async (world) => {
    const made = await world.create(patient(world));
    const answer = await send(world, nameOf(made), steps);
    status(answer, 200);
    const { json: held } = await world.get(nameOf(made));
    same(held[element], expected, element);
    check(held.meta.versionId !== made['meta'].versionId, 'The version did not change.');
  }),
);

/** Patches that cannot be applied or whose result is no valid Patient. */
const failing: readonly (readonly [string, unknown])[] = [
  [
    'a test that does not hold',
    [
      { op: 'test', path: '/gender', value: 'male' },
      { op: 'remove', path: '/gender' },
    ],
  ],
  ['a path that does not exist', [{ op: 'remove', path: '/photo/0' }]],
  ['an index beyond the array', [{ op: 'add', path: '/name/9', value: { text: 'x' } }]],
  ['an operation that does not exist', [{ op: 'erase', path: '/gender' }]],
  ['an operation without its value', [{ op: 'add', path: '/gender' }]],
  ['a body that is no array', { op: 'remove', path: '/gender' }],
  ['a body that is no JSON', '[{'],
  ['a result that breaks the rules of the type', [{ op: 'replace', path: '/gender', value: 'unknowable' }]],
  ['a result of another type', [{ op: 'replace', path: '/resourceType', value: 'Person' }]],
  ['a result with another id', [{ op: 'replace', path: '/id', value: 'other' }]],
];

const refusals = failing.map(([what, steps]) =>
  required(`a patch is refused as a whole: ${what}`, async (world) => {
    const made = await world.create(patient(world));
    rejected(await send(world, nameOf(made), steps));
    const { json: held } = await world.get(nameOf(made));
    same([held.gender, held.meta.versionId], ['female', made['meta'].versionId], 'gender and version');
  }),
);

export const patch = section('patch', 'http.html#patch', [
  ...applied,
  ...refusals,
  should(
    'a JSON Patch test that does not hold is answered 422',
    async (world) => {
      const made = await world.create(patient(world));
      refused(await send(world, nameOf(made), [{ op: 'test', path: '/gender', value: 'male' }]), 422);
    },
    needs,
  ),
  required('the answer carries the ETag of the new version', async (world) => {
    const made = await world.create(patient(world));
    const answer = await send(world, nameOf(made), male);
    const version = (await world.get(nameOf(made))).json.meta.versionId;
    header(answer, 'etag', new RegExp(`^W/"${version}"$`));
  }),
  required('Prefer is honoured as for update', async (world) => {
    const made = await world.create(patient(world));
    const answer = await send(world, nameOf(made), male, { prefer: 'return=representation' });
    same(answer.json?.gender, 'male', 'gender of the representation');
  }),
  required('a resource that does not exist is answered 404', async (world) => {
    refused(await send(world, `Patient/${world.unique()}`, male), 404);
  }),
  required('a deleted resource is not patched', async (world) => {
    const made = await world.create(patient(world));
    await world.send('DELETE', nameOf(made));
    refused(await send(world, nameOf(made), male), 404, 410);
  }),
  required('a content type that is no patch is refused', async (world) => {
    const made = await world.create(patient(world));
    refused(
      await world.send('PATCH', nameOf(made), { body: 'gender=male', headers: { 'content-type': 'text/plain' } }),
      415,
      400,
    );
  }),
  required('If-Match is honoured: an old version is answered 412', async (world) => {
    const made = await world.create(patient(world));
    await send(world, nameOf(made), male);
    const headers = { 'if-match': `W/"${made['meta'].versionId}"` };
    refused(await send(world, nameOf(made), [{ op: 'remove', path: '/gender' }], headers), 412);
    same((await world.get(nameOf(made))).json.gender, 'male', 'gender');
  }),
  required('If-Match is honoured: the current version is patched', async (world) => {
    const made = await world.create(patient(world));
    status(await send(world, nameOf(made), male, { 'if-match': `W/"${made['meta'].versionId}"` }), 200);
  }),
]);

export const conditionalPatch = section('conditional-patch', 'http.html#patch', [
  required('one match is patched', async (world) => {
    const name = named(world);
    const made = await world.create(patient(world, { identifier: [name.identifier] }));
    status(await send(world, `Patient?identifier=${name.token}`, male), 200);
    same((await world.get(nameOf(made))).json.gender, 'male', 'gender');
  }),
  required('no match is answered 404', async (world) => {
    refused(await send(world, `Patient?identifier=${named(world).token}`, male), 404);
  }),
  required('several matches are answered 412, and nothing changes', async (world) => {
    const name = named(world);
    const body = patient(world, { identifier: [name.identifier] });
    const made = [await world.create(body), await world.create(body)];
    refused(await send(world, `Patient?identifier=${name.token}`, male), 412);
    for (const one of made) {
      same((await world.get(nameOf(one))).json.gender, 'female', 'gender');
    }
  }),
]);
