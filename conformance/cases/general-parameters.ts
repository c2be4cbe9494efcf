/** Parameters that every interaction takes: _format, _pretty, _summary, _elements. */
import { section, shall, should } from '../case.ts';
import { check, header, rejected, same, status } from '../checks.ts';
import { nameOf, named, patient } from '../samples.ts';
import type { World } from '../world.ts';

const jsonNames = ['json', 'application/json', 'application/fhir%2Bjson'];
const xmlNames = ['xml', 'text/xml', 'application/xml', 'application/fhir%2Bxml'];
const json = /^application\/fhir\+json/;
const xml = /^application\/fhir\+xml/;

async function full(world: World): Promise<string> {
  const text = { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml">Case</div>' };
  const contact = [{ name: { family: 'Relative' } }];
  return nameOf(await world.create(patient(world, { text, contact, multipleBirthBoolean: false })));
}

/** The resource is marked as a part of itself. */
function subsetted(resource: { meta?: { tag?: { code?: string }[] } }): void {
  const tags = resource.meta?.tag ?? [];
  check(
    tags.some((tag) => tag.code === 'SUBSETTED'),
    `A part of a resource carries no SUBSETTED tag: ${JSON.stringify(tags)}`,
  );
}

const formats = section('format', 'http.html#parameters', [
  ...jsonNames.map((name) =>
    shall(`_format=${name} means JSON, whatever the Accept header says`, async (world) => {
      const answer = await world.get(`${await full(world)}?_format=${name}`, { accept: 'application/fhir+xml' });
      status(answer, 200);
      header(answer, 'content-type', json);
    }),
  ),
  ...xmlNames.map((name) =>
    shall(
      `_format=${name} means XML, whatever the Accept header says`,
      async (world) => {
        const answer = await world.get(`${await full(world)}?_format=${name}`);
        status(answer, 200);
        header(answer, 'content-type', xml);
        check(/<Patient xmlns="http:\/\/hl7.org\/fhir"/.test(answer.text), `No FHIR XML: ${answer.text.slice(0, 100)}`);
      },
      { format: 'application/fhir+xml' },
    ),
  ),
  shall('_format applies to create, and does not override Content-Type', async (world) => {
    const answer = await world.send('POST', 'Patient?_format=json', {
      body: patient(world),
      headers: { accept: 'application/fhir+xml', prefer: 'return=representation' },
    });
    status(answer, 201);
    header(answer, 'content-type', json);
  }),
  shall('a _format that the server cannot give is refused', async (world) => {
    rejected(await world.get(`${await full(world)}?_format=application/pdf`));
  }),
  should('a _format that the server cannot give is refused with 406', async (world) => {
    status(await world.get(`${await full(world)}?_format=application/pdf`), 406);
  }),
]);

const pretty = section('pretty', 'http.html#parameters', [
  should('_pretty=true gives an indented answer with the same content', async (world) => {
    const name = await full(world);
    const [plain, indented] = [await world.get(`${name}?_pretty=false`), await world.get(`${name}?_pretty=true`)];
    status(indented, 200);
    check(/\n\s+"/.test(indented.text), `Not indented: ${indented.text.slice(0, 80)}`);
    same(indented.json, plain.json, 'content of the indented answer');
  }),
]);

const summaries = section('summary', 'http.html#read', [
  should('_summary=text on a read gives text, id, meta and mandatory elements, marked SUBSETTED', async (world) => {
    const { json: body } = await world.get(`${await full(world)}?_summary=text`);
    check(body.text !== undefined && body.id !== undefined, 'text or id is missing.');
    check(body.birthDate === undefined, 'birthDate is there, which is neither text nor mandatory.');
    subsetted(body);
  }),
  should('_summary=data on a read leaves the narrative out, marked SUBSETTED', async (world) => {
    const { json: body } = await world.get(`${await full(world)}?_summary=data`);
    check(body.text === undefined, 'The narrative is there.');
    same(body.birthDate, '1980-02-29', 'birthDate');
    subsetted(body);
  }),
  should('_summary=true on a read gives the summary elements, marked SUBSETTED', async (world) => {
    const { json: body } = await world.get(`${await full(world)}?_summary=true`);
    same(body.birthDate, '1980-02-29', 'birthDate');
    check(body.contact === undefined, 'Patient.contact is there, which is not in the summary.');
    subsetted(body);
  }),
  should('_summary=false on a read gives everything, not marked', async (world) => {
    const { json: body } = await world.get(`${await full(world)}?_summary=false`);
    check(body.contact !== undefined && body.text !== undefined, 'Elements are missing.');
    check(!JSON.stringify(body.meta).includes('SUBSETTED'), 'The whole resource is marked as a part.');
  }),
  should('_elements on a read gives the named and the mandatory elements, marked SUBSETTED', async (world) => {
    const { json: body } = await world.get(`${await full(world)}?_elements=gender,birthDate`);
    same([body.gender, body.birthDate], ['female', '1980-02-29'], 'gender and birthDate');
    check(body.name === undefined && body.contact === undefined, 'Elements that were not asked for are there.');
    subsetted(body);
  }),
  should('_summary=count on a search gives the count without entries', async (world) => {
    const name = named(world);
    await world.create(patient(world, { identifier: [name.identifier] }));
    const { json: body } = await world.get(`Patient?identifier=${name.token}&_summary=count`);
    same([body.total, body.entry ?? []], [1, []], 'total and entries');
  }),
  should('_elements on a search applies to each match', async (world) => {
    const name = named(world);
    await world.create(patient(world, { identifier: [name.identifier] }));
    const { json: body } = await world.get(`Patient?identifier=${name.token}&_elements=gender`);
    same(body.entry?.[0]?.resource?.gender, 'female', 'gender');
    check(body.entry[0].resource.birthDate === undefined, 'birthDate was not asked for.');
    subsetted(body.entry[0].resource);
  }),
  shall('a value of _summary that does not exist is refused or ignored, not a server fault', async (world) => {
    const answer = await world.get(`${await full(world)}?_summary=everything`);
    check(answer.status < 500, `Status ${answer.status}`);
  }),
]);

export const generalParameters = [formats, pretty, summaries];
