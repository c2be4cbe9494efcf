/** An Endpoint that is an HL7 v2 interface is refused where it says what no gateway can do. */
import { readFileSync } from 'node:fs';
import { beforeAll, expect, test } from '@jest/globals';
import { interfaceEndpoint, interfaceExtension } from '../../src/gateways/hl7v2/settings.ts';
import { interfaceRevisions } from '../../src/store/endpoints.ts';
import { makeLaboratory, testDatabase, type Laboratory } from '../server.ts';

let lab: Laboratory;
beforeAll(async () => {
  lab = await makeLaboratory();
}, 60_000);

const good = { name: 'one', address: 'mllp://localhost', allowed: ['192.0.2.0/24', '2001:db8::/32', 'loopback'] };
const certificate = 'AB'.repeat(32);

test.each([
  ['what is good', { charset: 'cp1256', zone: 'Asia/Aden' }, ''],
  ['TLS with a certificate', { address: 'mllps://localhost:2599', clientCertificates: [certificate] }, ''],
  ['a network past its bits', { allowed: ['10.0.0.0/33'] }, 'allowed'],
  ['a name', { allowed: ['ward.example.org'] }, 'allowed'],
  ['a zone of Mars', { zone: 'Mars/Olympus' }, 'zone'],
  ['a character set', { charset: 'klingon' }, 'charset'],
  ['an address of another kind', { address: 'https://localhost' }, 'address'],
  ['a port that is none', { address: 'mllp://localhost:70000' }, 'address'],
  ['TLS on the shared port', { address: 'mllps://localhost' }, 'address'],
  ['an authority that is none', { address: 'mllps://localhost:2599', clientAuthorities: ['MIIB'] }, 'clientAuthority'],
  ['a device that is no Device', { law: { device: 'Patient/1' } }, 'device'],
  ['an analyzer', { law: { tests: ['2823-3'], device: 'Device/1' } }, ''],
  ['a certificate without TLS', { clientCertificates: [certificate] }, 'clientCertificate'],
])('%s', async (_, change, part) => {
  const body = JSON.stringify({ ...interfaceEndpoint({ ...good, ...change }), status: 'off' });
  const headers = { 'content-type': 'application/fhir+json' };
  const answer = await lab.fetch('Endpoint', { method: 'POST', headers, body });
  expect(answer.status).toBe(part === '' ? 201 : 422);
  if (part !== '') expect(await answer.text()).toContain(`\\"${part}\\" of an HL7 v2 interface must be`);
});

test('the profile describes the extension, part by part', () => {
  const { url, differential } = JSON.parse(
    readFileSync(new URL('../../profiles/hl7v2-interface.json', import.meta.url), 'utf8'),
  ) as { url: string; differential: { element: { sliceName?: string }[] } };
  expect(url).toBe(interfaceExtension);
  const all = {
    ...good,
    application: 'a',
    facility: 'f',
    charset: 'c',
    zone: 'z',
    patientQueries: true,
    orderAnswers: true,
    quirks: ['no-errors'],
    storeOnly: ['x'],
    clientAuthorities: ['authority'],
    conceptMaps: ['m'],
    systems: { NORTH: 'https://north.example/ids' },
    law: { tests: ['2823-3'], broadcast: true, sameConnection: true, device: 'Device/1' },
    out: {
      ...{ to: 't', ownApplication: 'a', ownFacility: 'f', toApplication: 'b', toFacility: 'g', timeout: 5 },
      ...{
        version: '2.4' as const,
        acknowledgement: 'commit' as const,
        send: [{ message: 'ADT^A28', criteria: 'Patient' }],
      },
    },
  };
  const { extension } = interfaceEndpoint({ ...all, clientCertificates: ['d'] }) as {
    extension: { extension: { url: string }[] }[];
  };
  const described = differential.element.flatMap(({ sliceName }) => sliceName ?? []);
  const made = new Set(extension[0]?.extension.map((part) => part.url));
  expect([...described].sort()).toEqual([...made].sort());
});

test('a laboratory is read anew where an Endpoint or a ConceptMap of its own was written, and no other', async () => {
  const [mine, other] = await Promise.all([makeLaboratory(), makeLaboratory()]);
  const revisions = async (): Promise<unknown[]> => {
    const all = await interfaceRevisions(testDatabase());
    return [mine, other].map(({ tenant }) => all.get(tenant.id));
  };
  const put = async (resource: { resourceType: string; id: string }): Promise<number> =>
    (
      await mine.fetch(`${resource.resourceType}/${resource.id}`, {
        method: 'PUT',
        headers: { 'content-type': 'application/fhir+json' },
        body: JSON.stringify(resource),
      })
    ).status;
  expect(await revisions()).toEqual([undefined, undefined]);
  expect(await put({ resourceType: 'Patient', id: 'p' })).toBe(201);
  expect(await revisions()).toEqual([undefined, undefined]);
  const map = { resourceType: 'ConceptMap', id: 'm', status: 'active' };
  expect([await put(map), await revisions()]).toEqual([201, ['1', undefined]]);
  expect((await mine.fetch('ConceptMap/m', { method: 'DELETE' })).status).toBe(204);
  expect(await revisions()).toEqual(['2', undefined]);
});
