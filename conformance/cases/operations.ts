/** The operations that a server may offer on resources of every type, and $everything. */
import { section, shall, should, type Case } from '../case.ts';
import { check, outcome, refused, rejected, same, status } from '../checks.ts';
import type { Answer } from '../client.ts';
import { nameOf, named, observation, patient } from '../samples.ts';
import type { Resource, World } from '../world.ts';

const required = (operation: string, title: string, run: (world: World) => Promise<void>): Case =>
  shall(title, run, { type: 'Patient', operation });

function parameters(...parameter: unknown[]): Resource {
  return { resourceType: 'Parameters', parameter };
}

function gravest(answer: Answer): string[] {
  outcome(answer);
  return answer.json.issue.map((issue: { severity: string }) => issue.severity);
}

function valid(answer: Answer): void {
  status(answer, 200);
  check(!gravest(answer).some((severity) => severity !== 'information' && severity !== 'warning'), answer.text);
}

function invalid(answer: Answer): void {
  status(answer, 200);
  check(
    gravest(answer).some((severity) => severity === 'error' || severity === 'fatal'),
    `No error: ${answer.text}`,
  );
}

export const validate = section('validate', 'resource-operation-validate.html', [
  required('validate', 'a valid resource has no error', async (world) => {
    const body = parameters({ name: 'resource', resource: patient(world) });
    valid(await world.send('POST', 'Patient/$validate', { body }));
  }),
  required('validate', 'the resource itself may be the body', async (world) => {
    valid(await world.send('POST', 'Patient/$validate', { body: patient(world) }));
  }),
  required('validate', 'an invalid resource is answered 200 with its errors', async (world) => {
    const body = parameters({ name: 'resource', resource: patient(world, { gender: 'unknowable' }) });
    invalid(await world.send('POST', 'Patient/$validate', { body }));
  }),
  required('validate', 'nothing is stored', async (world) => {
    const name = named(world);
    await world.send('POST', 'Patient/$validate', { body: patient(world, { identifier: [name.identifier] }) });
    same((await world.get(`Patient?identifier=${name.token}`)).json.entry ?? [], [], 'resources found');
  }),
  required('validate', 'mode=create, update and delete are taken', async (world) => {
    const made = await world.create(patient(world));
    const mode = (valueCode: string): unknown => ({ name: 'mode', valueCode });
    const resource = { name: 'resource', resource: made };
    valid(await world.send('POST', 'Patient/$validate', { body: parameters(mode('create'), resource) }));
    valid(await world.send('POST', `${nameOf(made)}/$validate`, { body: parameters(mode('update'), resource) }));
    valid(await world.send('POST', `${nameOf(made)}/$validate`, { body: parameters(mode('delete')) }));
  }),
  required('validate', 'a mode that does not exist is not passed over', async (world) => {
    const body = parameters({ name: 'mode', valueCode: 'erase' }, { name: 'resource', resource: patient(world) });
    const answer = await world.send('POST', 'Patient/$validate', { body });
    check(answer.status >= 400 || gravest(answer).includes('error'), `The mode was passed over: ${answer.text}`);
  }),
]);

function metaOf(answer: Answer): { tag?: { code: string }[] } {
  status(answer, 200);
  if (answer.json.resourceType === 'Parameters') {
    return answer.json.parameter?.find((one: { name: string }) => one.name === 'return')?.valueMeta ?? {};
  }
  return answer.json.meta ?? {};
}

const tags = (meta: { tag?: { code: string }[] }): string[] => (meta.tag ?? []).map((tag) => tag.code);
const tag = (code: string): unknown => ({ system: 'http://example.org/tags', code });
const meta = (...codes: string[]): Resource => parameters({ name: 'meta', valueMeta: { tag: codes.map(tag) } });

export const metaOperations = section('meta', 'resource-operations.html#meta', [
  required('meta', '$meta gives the meta of a resource', async (world) => {
    const made = await world.create(patient(world, { meta: { tag: [tag('one')] } }));
    same(tags(metaOf(await world.get(`${nameOf(made)}/$meta`))), ['one'], 'tags');
  }),
  required('meta-add', '$meta-add adds tags and keeps the others', async (world) => {
    const made = await world.create(patient(world, { meta: { tag: [tag('one')] } }));
    same(
      tags(metaOf(await world.send('POST', `${nameOf(made)}/$meta-add`, { body: meta('two') }))),
      ['one', 'two'],
      'tags',
    );
    same(tags((await world.get(nameOf(made))).json.meta), ['one', 'two'], 'tags as read');
  }),
  required('meta-delete', '$meta-delete removes the named tags and no other', async (world) => {
    const made = await world.create(patient(world, { meta: { tag: [tag('one'), tag('two')] } }));
    await world.send('POST', `${nameOf(made)}/$meta-delete`, { body: meta('one', 'not-there') });
    same(tags((await world.get(nameOf(made))).json.meta), ['two'], 'tags as read');
  }),
  required('meta', 'a resource that does not exist is answered 404', async (world) => {
    refused(await world.get(`Patient/${world.unique()}/$meta`), 404);
  }),
]);

/** A patient with two observations, in 2020 and 2024, and another patient with one. */
async function record(world: World): Promise<{ name: string; early: string; late: string; other: string }> {
  const [mine, yours] = [await world.create(patient(world)), await world.create(patient(world))];
  const seen = (who: Resource, effectiveDateTime: string): Promise<Resource> =>
    world.create(observation(world, nameOf(who), { effectiveDateTime }));
  const [early, late, other] = [
    await seen(mine, '2020-01-01'),
    await seen(mine, '2024-01-01'),
    await seen(yours, '2024-01-01'),
  ];
  return { name: nameOf(mine), early: nameOf(early), late: nameOf(late), other: nameOf(other) };
}

function namesIn(answer: Answer): string[] {
  status(answer, 200);
  same([answer.json.resourceType, answer.json.type], ['Bundle', 'searchset'], 'type of the answer');
  const entries: Resource[] = answer.json.entry ?? [];
  return entries.map((entry) => nameOf(entry['resource'])).toSorted((a, b) => (a < b ? -1 : 1));
}

const sorted = (...names: string[]): string[] => names.toSorted((a, b) => (a < b ? -1 : 1));

export const everything = section('everything', 'patient-operation-everything.html', [
  required(
    'everything',
    'the patient and all of its compartment are returned, and nothing of another',
    async (world) => {
      const { name, early, late } = await record(world);
      same(namesIn(await world.get(`${name}/$everything`)), sorted(name, early, late), 'resources');
    },
  ),
  required('everything', 'start and end limit by the dates of care', async (world) => {
    const { name, early, late } = await record(world);
    const found = namesIn(await world.get(`${name}/$everything?start=2023-01-01&end=2024-12-31`));
    check(found.includes(late) && !found.includes(early), `Found ${found.join(', ')}`);
  }),
  required('everything', '_type limits to the named types', async (world) => {
    const { name, early, late } = await record(world);
    same(namesIn(await world.get(`${name}/$everything?_type=Observation`)), sorted(early, late), 'resources');
  }),
  required('everything', '_since leaves out what was changed before', async (world) => {
    const { name } = await record(world);
    const future = encodeURIComponent(new Date(Date.now() + 3_600_000).toISOString());
    same(
      namesIn(await world.get(`${name}/$everything?_since=${future}`)).filter((one) => one !== name),
      [],
      'resources',
    );
  }),
  required('everything', 'with _count the pages together hold everything once', async (world) => {
    const { name, early, late } = await record(world);
    const found: string[] = [];
    let url: string | undefined = `${name}/$everything?_count=1`;
    while (url !== undefined && found.length < 10) {
      const answer: Answer = await world.get(url);
      found.push(...namesIn(answer));
      url = answer.json.link?.find((link: { relation: string }) => link.relation === 'next')?.url;
    }
    same(sorted(...found), sorted(name, early, late), 'resources on all pages');
  }),
  required('everything', 'a patient that does not exist is answered 404', async (world) => {
    refused(await world.get(`Patient/${world.unique()}/$everything`), 404);
  }),
]);

export const operations = section('operations', 'operations.html#executing', [
  shall('an operation that does not exist is refused', async (world) => {
    const name = nameOf(await world.create(patient(world)));
    rejected(await world.get(`${name}/$no-such-operation`));
    rejected(await world.send('POST', 'Patient/$no-such-operation', { body: parameters() }));
    rejected(await world.send('POST', '$no-such-operation', { body: parameters() }));
  }),
  should('an operation that changes something is refused by GET with 405', async (world) => {
    const name = nameOf(await world.create(patient(world)));
    const answer = await world.get(`${name}/$meta-add`);
    check([405, 404, 400].includes(answer.status), `Status ${answer.status}`);
  }),
]);
