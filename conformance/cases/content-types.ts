/** MIME types, character encoding and content negotiation. */
import { section, shall, should } from '../case.ts';
import { check, header, refused, rejected, same, status } from '../checks.ts';
import { fhirJson } from '../client.ts';
import { nameOf, named, patient } from '../samples.ts';

const fhirXml = 'application/fhir+xml';
const xml = { format: fhirXml };

function xmlPatient(system: string, value: string, family: string): string {
  return (
    `<?xml version="1.0" encoding="UTF-8"?><Patient xmlns="http://hl7.org/fhir"><identifier><system value="${system}"/>` +
    `<value value="${value}"/></identifier><name><family value="${family}"/></name></Patient>`
  );
}

export const contentTypes = section('content-types', 'http.html#mime-type', [
  shall('JSON is served as application/fhir+json', async (world) => {
    header(await world.get(nameOf(await world.create(patient(world)))), 'content-type', /^application\/fhir\+json/);
  }),
  shall('the Content-Type of an answer sets the charset to UTF-8', async (world) => {
    const made = await world.create(patient(world));
    header(await world.get(nameOf(made)), 'content-type', /;\s*charset=utf-8/i);
    header(await world.get('Patient/no-such-patient'), 'content-type', /;\s*charset=utf-8/i);
  }),
  shall(
    'XML is served as application/fhir+xml with charset UTF-8 when Accept asks for it',
    async (world) => {
      const answer = await world.get(nameOf(await world.create(patient(world))), { accept: fhirXml });
      status(answer, 200);
      header(answer, 'content-type', /^application\/fhir\+xml;.*charset=utf-8/i);
    },
    xml,
  ),
  shall(
    'a resource sent as XML is the same resource when read as JSON',
    async (world) => {
      const { value, token } = named(world);
      const body = xmlPatient(world.system, value, 'مختبر &amp; O’Brien');
      const answer = await world.send('POST', 'Patient', {
        body,
        headers: { 'content-type': `${fhirXml}; charset=utf-8` },
      });
      status(answer, 201);
      const found = await world.get(`Patient?identifier=${token}`);
      same(found.json.entry?.[0]?.resource?.name, [{ family: 'مختبر & O’Brien' }], 'Patient.name');
    },
    xml,
  ),
  shall(
    'an error is given in the format that Accept asks for',
    async (world) => {
      const answer = await world.get('Patient/no-such-patient', { accept: fhirXml });
      status(answer, 404);
      header(answer, 'content-type', /^application\/fhir\+xml/);
      check(/<OperationOutcome/.test(answer.text), `No OperationOutcome in XML: ${answer.text.slice(0, 100)}`);
    },
    xml,
  ),
  shall('server-driven negotiation follows the quality values of Accept', async (world) => {
    const name = nameOf(await world.create(patient(world)));
    const answer = await world.get(name, { accept: `text/html;q=0.1, ${fhirXml};q=0.2, ${fhirJson};q=0.9` });
    status(answer, 200);
    header(answer, 'content-type', /^application\/fhir\+json/);
  }),
  shall('a client that accepts anything is answered', async (world) => {
    const name = nameOf(await world.create(patient(world)));
    status(await world.get(name, { accept: '*/*' }), 200);
    status(await world.get(name, { accept: 'application/*;q=0.5' }), 200);
  }),
  should('a generic JSON type in Accept is answered with JSON', async (world) => {
    const name = nameOf(await world.create(patient(world)));
    for (const accept of ['application/json', 'text/json']) {
      const answer = await world.get(name, { accept });
      status(answer, 200);
      header(answer, 'content-type', /json/);
    }
  }),
  should(
    'a generic XML type in Accept is answered with XML',
    async (world) => {
      const answer = await world.get(nameOf(await world.create(patient(world))), { accept: 'application/xml' });
      status(answer, 200);
      header(answer, 'content-type', /xml/);
    },
    xml,
  ),
  shall('an Accept that nothing satisfies is not answered in another format', async (world) => {
    const name = nameOf(await world.create(patient(world)));
    const answer = await world.get(name, { accept: 'application/pdf' });
    check(answer.status === 406 || answer.status === 415, `Status ${answer.status} for Accept: application/pdf`);
  }),
  should('an Accept that nothing satisfies is answered 406', async (world) => {
    refused(await world.get(nameOf(await world.create(patient(world))), { accept: 'application/pdf' }), 406);
  }),
  shall('a body of a type that is not supported is refused', async (world) => {
    const headers = { 'content-type': 'application/pdf' };
    rejected(await world.send('POST', 'Patient', { body: '%PDF-1.7', headers }));
    const { value, token } = named(world);
    await world.send('POST', 'Patient', { body: `{"resourceType":"Patient","id":"${value}"}`, headers });
    same((await world.get(`Patient?identifier=${token}`)).json.entry ?? [], [], 'resources made');
  }),
  should('a body of a type that is not supported is refused with 415', async (world) => {
    refused(await world.send('POST', 'Patient', { body: 'a,b', headers: { 'content-type': 'text/csv' } }), 415);
  }),
  should('the generic type application/json is taken as FHIR JSON', async (world) => {
    const headers = { 'content-type': 'application/json' };
    status(await world.send('POST', 'Patient', { body: patient(world), headers }), 201);
  }),
  shall('text of every script is stored and served in UTF-8', async (world) => {
    const family = 'العربية 𝒳 漢字 émile ﷽ 🧪';
    const made = await world.create(patient(world, { name: [{ family }] }));
    const answer = await world.get(nameOf(made));
    same(answer.json.name, [{ family }], 'Patient.name');
  }),
  shall('bytes that are not UTF-8 are refused', async (world) => {
    const text = new TextEncoder().encode('{"resourceType":"Patient","name":[{"family":"X"}]}');
    rejected(await world.send('POST', 'Patient', { body: text.map((byte) => (byte === 0x58 ? 0xff : byte)) }));
  }),
]);

export const fhirVersion = section('fhir-version', 'http.html#version-parameter', [
  shall('a body with fhirVersion=4.0 is accepted', async (world) => {
    const headers = { 'content-type': `${fhirJson}; fhirVersion=4.0` };
    status(await world.send('POST', 'Patient', { body: patient(world), headers }), 201);
  }),
  shall('Accept with fhirVersion=4.0 is answered', async (world) => {
    const name = nameOf(await world.create(patient(world)));
    status(await world.get(name, { accept: `${fhirJson}; fhirVersion=4.0` }), 200);
  }),
  should('Accept with another fhirVersion is answered 406', async (world) => {
    const name = nameOf(await world.create(patient(world)));
    status(await world.get(name, { accept: `${fhirJson}; fhirVersion=1.0` }), 406);
  }),
  should('a body of another fhirVersion is refused with 415', async (world) => {
    const headers = { 'content-type': `${fhirJson}; fhirVersion=1.0` };
    status(await world.send('POST', 'Patient', { body: patient(world), headers }), 415);
  }),
]);
