/** Labels of specimens: what stands on them, in each format, for each caller. */
import { inflateSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from '@jest/globals';
import type { JsonObject } from '../../src/fhir/json.ts';
import { labelOf } from '../../src/labels/label.ts';
import { zplOf } from '../../src/labels/zpl.ts';
import { eventsOf } from '../audit/log.ts';
import { signIn, type Laboratory } from '../server.ts';
import { addPatient, done, laboratoryWithCatalogue, resourcesOf, said } from './laboratory.ts';

const specimen = (value: string): JsonObject => ({
  resourceType: 'Specimen',
  accessionIdentifier: { value },
  container: [{ description: 'EDTA tube' }],
});
const facts = { tests: ['fbc', 'hba1c'], urgent: true, symbology: 'code128' } as const;

describe('ZPL', () => {
  test('has the number as bar code and as text, and the name in its script', () => {
    const patient = { name: [{ family: 'حداد', given: ['ليلى'] }], birthDate: '1987-03-09', gender: 'female' };
    const zpl = zplOf([labelOf(specimen('260301000071'), patient, facts)]);
    expect(zpl).toMatch(/^\^XA\^CI28.*\^XZ\n$/);
    expect(zpl).toContain('^BCN,60,N,N,N^FH^FD260301000071^FS');
    expect(zpl).toContain('^FDحداد ليلى^FS');
    expect(zpl).toContain('1987-03-09 F');
    expect(zplOf([labelOf(specimen('1'), undefined, { ...facts, symbology: 'datamatrix' })])).toContain(
      '^BXN,5,200^FH^FD1',
    );
  });

  test.each(['^XZ^XA', '~JR', '_5E', 'a\n^FO0,0', '${x}'])('the name %j steers no printer', (family) => {
    const zpl = zplOf([labelOf(specimen('1'), { name: [{ family }] }, facts)]);
    expect(zpl.match(/\^XA/g)).toHaveLength(1);
    expect(zpl).not.toContain('~');
    const fields = [...zpl.matchAll(/\^FD(.*?)\^FS/gs)].map(([, field]) => field ?? '');
    const [name = ''] = fields;
    const decoded = name.replace(/_([0-9A-F]{2})/g, (_, byte: string) =>
      String.fromCharCode(Number.parseInt(byte, 16)),
    );
    expect(decoded).toBe(family.replace('\n', ' '));
  });
});

describe('in a laboratory', () => {
  let lab: Laboratory;
  let name: string;
  let patient: string;
  beforeAll(async () => {
    lab = await laboratoryWithCatalogue();
    patient = await addPatient(lab, {
      name: [{ family: 'Haddad' }],
      identifier: [{ system: 'urn:mrn', value: '4711' }],
    });
    const orders = resourcesOf(
      await done(lab, 'ServiceRequest/$order', { patient, test: 'fbc', priority: 'stat' }),
      'order',
    );
    const order = orders.map((one) => `ServiceRequest/${String(one['id'])}`);
    const [made = {}] = resourcesOf(await done(lab, 'Specimen/$accession', { order }), 'specimen');
    name = `Specimen/${String(made['id'])}`;
  }, 120_000);

  test('PDF has a page for each copy, with the number', async () => {
    const answer = await lab.fetch(`${name}/$label?copies=3`);
    const bytes = Buffer.from(await answer.arrayBuffer());
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/pdf']);
    const pdf = bytes.toString('latin1');
    expect(pdf.startsWith('%PDF-')).toBe(true);
    expect(pdf.match(/\/Type \/Page\b/g)).toHaveLength(3);
  });

  test.each(['code128', 'datamatrix'])('PNG of %s is a picture', async (symbology) => {
    const answer = await lab.fetch(`${name}/$label?format=png&symbology=${symbology}`);
    const bytes = Buffer.from(await answer.arrayBuffer());
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'image/png']);
    expect(bytes.subarray(1, 4).toString()).toBe('PNG');
    const [width, height] = [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
    expect(width > 30 && height > 30).toBe(true);
    expect(isDark(bytes)).toBe(true);
  });

  test('ZPL says what the caller may see of the patient; one event names him', async () => {
    const answer = await lab.fetch(`${name}/$label?format=zpl`, { headers: { 'x-request-id': 'label' } });
    const zpl = await answer.text();
    expect(zpl).toContain('Haddad');
    expect(zpl).toContain('fbc');
    const events = await eventsOf(lab, 'label');
    expect([events.length, JSON.stringify(events)]).toEqual([1, expect.stringContaining(patient.slice(8))]);
    const blind = await signIn(lab.tenant, 'user/Specimen.rs', 'somebody');
    const other = await (await blind.fetch(`${name}/$label?format=zpl`)).text();
    expect([other.includes('Haddad'), other.includes('4711'), other.includes('^BCN')]).toEqual([false, false, true]);
  });

  test.each([
    ['format=gif', 400, 'pdf, png, zpl'],
    ['symbology=qr', 400, 'code128, datamatrix'],
    ['copies=0', 400, 'whole number'],
    ['copies=100', 400, '20'],
  ])('%s is refused', async (query, status, sentence) => {
    const answer = await said(await lab.fetch(`${name}/$label?${query}`));
    expect([answer.status, answer.said]).toEqual([status, expect.stringContaining(sentence)]);
  });
});

/** Whether the picture has more than one value of a pixel. */
function isDark(png: Buffer): boolean {
  const data: Buffer[] = [];
  for (let at = 8; at < png.length; at += png.readUInt32BE(at) + 12) {
    if (png.subarray(at + 4, at + 8).toString() === 'IDAT')
      data.push(png.subarray(at + 8, at + 8 + png.readUInt32BE(at)));
  }
  return new Set(inflateSync(Buffer.concat(data))).size > 1;
}
