/** capabilities: what the server says of itself. */
import { section, shall, should, may } from '../case.ts';
import { check, header, same, skip, status } from '../checks.ts';
import type { Resource } from '../world.ts';

export const capabilities = section('capabilities', 'http.html#capabilities', [
  shall('GET [base]/metadata returns a CapabilityStatement', async (world) => {
    const answer = await world.get('metadata');
    status(answer, 200);
    same(answer.json.resourceType, 'CapabilityStatement', 'resourceType');
  }),
  shall('the elements that CapabilityStatement requires are there', async (world) => {
    for (const element of ['status', 'date', 'kind', 'fhirVersion', 'format']) {
      check(world.capability[element] !== undefined, `CapabilityStatement.${element} is missing.`);
    }
  }),
  shall('kind is instance, with an implementation (cpb-15) and software or description (cpb-2)', async (world) => {
    const { kind, implementation, software } = world.capability;
    same(kind, 'instance', 'kind');
    check(implementation?.description !== undefined, 'implementation.description is missing.');
    check(software !== undefined || world.capability['description'] !== undefined, 'Neither software nor description.');
  }),
  shall('fhirVersion is 4.0.1', async (world) => {
    same(world.capability['fhirVersion'], '4.0.1', 'fhirVersion');
  }),
  shall('implementation.url, where given, is the service base', async (world) => {
    const url = world.capability['implementation']?.url;
    same((url ?? world.client.base).replace(/\/$/, ''), world.client.base, 'implementation.url');
  }),
  shall('a resource type is listed once, with each interaction once', async (world) => {
    const resources: Resource[] = world.capability['rest']?.[0]?.resource ?? [];
    const types = resources.map((one) => one['type']);
    same(types.length, new Set(types).size, 'number of types listed');
    for (const one of resources) {
      const codes = (one['interaction'] ?? []).map((interaction: { code: string }) => interaction.code);
      same(codes.length, new Set(codes).size, `interactions of ${one['type']}`);
    }
  }),
  shall('rest.mode is server', async (world) => {
    same(world.capability['rest']?.[0]?.mode, 'server', 'rest[0].mode');
  }),
  should('an ETag is returned, and stays while the statement stays', async (world) => {
    const first = header(await world.get('metadata'), 'etag', /"/);
    same(header(await world.get('metadata'), 'etag', /"/), first, 'the second ETag');
  }),
  should('no authorization is needed', async (world) => {
    status(await world.send('GET', 'metadata', { anonymous: true }), 200);
  }),
  ...['full', 'normative'].map((mode) =>
    shall(`mode=${mode} returns a CapabilityStatement`, async (world) => {
      const answer = await world.get(`metadata?mode=${mode}`);
      status(answer, 200);
      same(answer.json.resourceType, 'CapabilityStatement', 'resourceType');
    }),
  ),
  shall('mode=terminology returns TerminologyCapabilities, or the mode is ignored', async (world) => {
    const answer = await world.get('metadata?mode=terminology');
    status(answer, 200);
    check(
      /^(Terminology)?Capabilit(ies|yStatement)$/.test(answer.json.resourceType),
      `It is a ${answer.json.resourceType}.`,
    );
  }),
  should('mode=terminology returns TerminologyCapabilities', async (world) => {
    same((await world.get('metadata?mode=terminology')).json?.resourceType, 'TerminologyCapabilities', 'resourceType');
  }),
  shall('the statement is given in each format that it lists', async (world) => {
    const formats: string[] = world.capability['format'];
    for (const format of formats.filter((one) => /json|xml/.test(one))) {
      const answer = await world.get(`metadata?_format=${encodeURIComponent(format)}`);
      status(answer, 200);
      header(answer, 'content-type', /json/.test(format) ? /^application\/fhir\+json/ : /^application\/fhir\+xml/);
    }
  }),
  may('_summary=true is supported', async (world) => {
    const { json: body } = await world.get('metadata?_summary=true');
    check(JSON.stringify(body).length < JSON.stringify(world.capability).length, 'The summary is not shorter.');
  }),
  may('OPTIONS [base] returns the CapabilityStatement as well', async (world) => {
    const answer = await world.send('OPTIONS', '');
    if (answer.status === 405 || answer.status === 501) {
      skip(`the server answers OPTIONS with ${answer.status}`);
    }
    same(answer.json?.resourceType, 'CapabilityStatement', 'resourceType');
  }),
]);
