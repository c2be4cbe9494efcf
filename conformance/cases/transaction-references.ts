/** References inside a transaction: new ids, conditional references, links in text. */
import { bundle, countOf, entriesOf, locatedAt, post, put, submit } from '../bundles.ts';
import { section, shall, type Case } from '../case.ts';
import { check, rejected, same } from '../checks.ts';
import { nameOf, named, observation, patient } from '../samples.ts';
import type { Resource, World } from '../world.ts';

const needs = { interaction: 'transaction' } as const;
const required = (title: string, run: (world: World) => Promise<void>): Case => shall(title, run, needs);

/** Sends a patient under `fullUrl` and an Observation that points to it; returns both as the server holds them. */
async function linked(
  world: World,
  fullUrl: string,
  extra: Record<string, unknown> = {},
): Promise<[Resource, Resource]> {
  const entries = [post(observation(world, fullUrl, extra)), post(patient(world), fullUrl)];
  const answer = entriesOf(await submit(world, bundle('transaction', entries)), 'transaction-response', 2);
  const [seen, made] = [await world.get(locatedAt(answer[0])), await world.get(locatedAt(answer[1]))];
  return [made.json, seen.json];
}

function pointsTo(reference: unknown, resource: Resource): void {
  const found = String(reference);
  check(found.endsWith(nameOf(resource)), `The reference is ${found}, expected ${nameOf(resource)}.`);
}

const div = (inner: string): string => `<div xmlns="http://www.w3.org/1999/xhtml">${inner}</div>`;

export const transactionReferences = section('transaction-references', 'http.html#trules', [
  required('a reference by urn:uuid becomes the new id', async (world) => {
    const [made, seen] = await linked(world, `urn:uuid:${world.unique()}`);
    pointsTo(seen['subject'].reference, made);
  }),
  required('a reference by urn:oid becomes the new id', async (world) => {
    const [made, seen] = await linked(world, 'urn:oid:1.2.36.146.595.217.0.1');
    pointsTo(seen['subject'].reference, made);
  }),
  required('a reference by the absolute fullUrl of the source becomes the new id', async (world) => {
    const [made, seen] = await linked(world, `http://source.example/fhir/Patient/${world.unique()}`);
    pointsTo(seen['subject'].reference, made);
  }),
  required('a relative reference under a fullUrl of the same source becomes the new id', async (world) => {
    const id = world.unique();
    const seen = observation(world, `Patient/${id}`);
    const entries = [
      post(seen, `http://source.example/fhir/Observation/${world.unique()}`),
      post(patient(world), `http://source.example/fhir/Patient/${id}`),
    ];
    const answer = entriesOf(await submit(world, bundle('transaction', entries)), 'transaction-response', 2);
    const made = await world.get(locatedAt(answer[1]));
    pointsTo((await world.get(locatedAt(answer[0]))).json.subject.reference, made.json);
  }),
  required('references in a circle become the new ids', async (world) => {
    const [one, two] = [`urn:uuid:${world.unique()}`, `urn:uuid:${world.unique()}`];
    const link = (url: string): Record<string, unknown> => ({ link: [{ other: { reference: url }, type: 'seealso' }] });
    const entries = [post(patient(world, link(two)), one), post(patient(world, link(one)), two)];
    const answer = entriesOf(await submit(world, bundle('transaction', entries)), 'transaction-response', 2);
    const [first, second] = [await world.get(locatedAt(answer[0])), await world.get(locatedAt(answer[1]))];
    pointsTo(first.json.link[0].other.reference, second.json);
    pointsTo(second.json.link[0].other.reference, first.json);
  }),
  required('references in extensions and contained resources become the new ids', async (world) => {
    const url = `urn:uuid:${world.unique()}`;
    const [made, seen] = await linked(world, url, {
      extension: [{ url: 'http://example.org/fhir/also', valueReference: { reference: url } }],
      contained: [{ resourceType: 'Specimen', id: 's', subject: { reference: url } }],
      specimen: { reference: '#s' },
    });
    pointsTo(seen['extension'][0].valueReference.reference, made);
    pointsTo(seen['contained'][0].subject.reference, made);
    same(seen['specimen'].reference, '#s', 'reference to the contained resource');
  }),
  required('links and images in the narrative become the new addresses', async (world) => {
    const url = `urn:uuid:${world.unique()}`;
    const text = { status: 'generated', div: div(`<a href="${url}">P</a><img src="${url}" alt="P"/> about ${url}`) };
    const [made, seen] = await linked(world, url, { text });
    const found: string = seen['text'].div;
    check(new RegExp(`<a href="[^"]*${nameOf(made)}">`).test(found), `The link is not replaced: ${found}`);
    check(new RegExp(`<img [^>]*src="[^"]*${nameOf(made)}"`).test(found), `The image is not replaced: ${found}`);
  }),
  required('elements of type url become the new addresses', async (world) => {
    const url = `urn:uuid:${world.unique()}`;
    const report = {
      resourceType: 'DiagnosticReport',
      identifier: [named(world).identifier],
      status: 'final',
      code: { text: 'Report' },
      presentedForm: [{ contentType: 'application/fhir+json', url }],
    };
    const answer = await submit(world, bundle('transaction', [post(report), post(patient(world), url)]));
    const entries = entriesOf(answer, 'transaction-response', 2);
    const held = await world.get(locatedAt(entries[0]));
    check(
      held.json.presentedForm[0].url.endsWith(locatedAt(entries[1])),
      `The url is ${held.json.presentedForm[0].url}`,
    );
  }),
  required(
    'elements of type canonical and references to what is not in the Bundle are left untouched',
    async (world) => {
      const other = await world.create(patient(world));
      const outside = `http://other.example/fhir/Patient/${world.unique()}`;
      const [, seen] = await linked(world, `urn:uuid:${world.unique()}`, {
        performer: [{ reference: nameOf(other) }, { reference: outside }],
        instantiatesCanonical: undefined,
      });
      same(
        seen['performer'].map((one: { reference: string }) => one.reference),
        [nameOf(other), outside],
        'performer',
      );
    },
  ),
  required('a reference to an entry that ifNoneExist matched leads to the match', async (world) => {
    const name = named(world);
    const made = await world.create(patient(world, { identifier: [name.identifier] }));
    const url = `urn:uuid:${world.unique()}`;
    const entries = [
      post(observation(world, url)),
      post(patient(world), url, { ifNoneExist: `identifier=${name.token}` }),
    ];
    const answer = entriesOf(await submit(world, bundle('transaction', entries)), 'transaction-response', 2);
    pointsTo((await world.get(locatedAt(answer[0]))).json.subject.reference, made);
  }),
  required('a reference to an entry that a conditional update matched leads to the match', async (world) => {
    const name = named(world);
    const body = patient(world, { identifier: [name.identifier] });
    const made = await world.create(body);
    const url = `urn:uuid:${world.unique()}`;
    const entries = [post(observation(world, url)), { fullUrl: url, ...put(body, `Patient?identifier=${name.token}`) }];
    const answer = entriesOf(await submit(world, bundle('transaction', entries)), 'transaction-response', 2);
    pointsTo((await world.get(locatedAt(answer[0]))).json.subject.reference, made);
  }),
]);

export const conditionalReferences = section('conditional-references', 'http.html#trules', [
  required('one match: the search URI becomes a reference to the match', async (world) => {
    const name = named(world);
    const made = await world.create(patient(world, { identifier: [name.identifier] }));
    const entry = post(observation(world, `Patient?identifier=${name.token}`));
    const answer = entriesOf(await submit(world, bundle('transaction', [entry])), 'transaction-response', 1);
    pointsTo((await world.get(locatedAt(answer[0]))).json.subject.reference, made);
  }),
  required('no match: the transaction fails', async (world) => {
    const name = named(world);
    const seen = observation(world, `Patient?identifier=${named(world).token}`, { identifier: [name.identifier] });
    rejected(await submit(world, bundle('transaction', [post(seen)])));
    same(await countOf(world, 'Observation', name.token), 0, 'resources made');
  }),
  required('several matches: the transaction fails', async (world) => {
    const name = named(world);
    const body = patient(world, { identifier: [name.identifier] });
    await world.create(body);
    await world.create(body);
    const seen = observation(world, `Patient?identifier=${name.token}`, { identifier: [name.identifier] });
    rejected(await submit(world, bundle('transaction', [post(seen)])));
    same(await countOf(world, 'Observation', name.token), 0, 'resources made');
  }),
]);
