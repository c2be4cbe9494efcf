/** XML that is no XML, no FHIR, or a bomb. */
import { beforeAll, expect, test } from '@jest/globals';
import { connect, type Client } from '../../conformance/client.ts';
import { makeLaboratory } from '../server.ts';
import { versionsOf, wrongWith } from './verdict.ts';

let client: Client;

beforeAll(async () => {
  const { base, token } = await makeLaboratory();
  client = connect(base, token);
});

const fhir = 'xmlns="http://hl7.org/fhir"';
const patient = (inner: string): string => `<Patient ${fhir}>${inner}</Patient>`;
const lol = Array.from({ length: 9 }, (_, i) => `<!ENTITY l${i + 1} "${`&l${i};`.repeat(10)}">`).join('');

const bodies: Readonly<Record<string, string | Uint8Array>> = {
  'no bytes at all': '',
  text: 'Patient',
  'an element that is not closed': `<Patient ${fhir}><active value="true"/>`,
  'elements that overlap': patient('<name><family value="x"></name></family>'),
  'two roots': `${patient('')}${patient('')}`,
  'no namespace': '<Patient><active value="true"/></Patient>',
  'another namespace': '<Patient xmlns="http://example.org"><active value="true"/></Patient>',
  'an undeclared prefix': `<f:Patient><f:active value="true"/></f:Patient>`,
  'a type that does not exist': `<Nothing ${fhir}/>`,
  'an element that does not exist': patient('<colour value="red"/>'),
  'an attribute that does not exist': patient('<active value="true" colour="red"/>'),
  'an attribute twice': patient('<active value="true" value="false"/>'),
  'text between elements': patient('words <active value="true"/>'),
  'elements in the wrong order': patient('<birthDate value="2000-01-01"/><active value="true"/>'),
  'a single element twice': patient('<active value="true"/><active value="true"/>'),
  'a value that is no boolean': patient('<active value="yes"/>'),
  'an entity that is not declared': patient('<name><family value="&nbsp;"/></name>'),
  'a character that XML forbids': patient('<name><family value="&#0;"/></name>'),
  'a lone surrogate': patient('<name><family value="&#xD800;"/></name>'),
  'an ampersand alone': patient('<name><family value="a & b"/></name>'),
  'a DOCTYPE': `<!DOCTYPE Patient>${patient('')}`,
  'an external entity': `<!DOCTYPE Patient [<!ENTITY x SYSTEM "file:///etc/passwd">]>${patient('<name><family value="&x;"/></name>')}`,
  'a billion laughs': `<!DOCTYPE Patient [<!ENTITY l0 "lol">${lol}]>${patient('<name><family value="&l9;"/></name>')}`,
  'an external DTD': `<!DOCTYPE Patient SYSTEM "http://127.0.0.1:1/x.dtd">${patient('')}`,
  'elements 50,000 deep': `${`<Patient ${fhir}>`.repeat(50_000)}${'</Patient>'.repeat(50_000)}`,
  'extensions 3,000 deep': patient(
    `${'<extension url="u">'.repeat(3_000)}<valueCode value="x"/>${'</extension>'.repeat(3_000)}`,
  ),
  'bytes that are not UTF-8': Buffer.concat([
    Buffer.from(`<Patient ${fhir}><name><family value="`),
    Buffer.from([0xff]),
    Buffer.from('"/></name></Patient>'),
  ]),
  'another encoding than UTF-8': `<?xml version="1.0" encoding="UTF-7"?>${patient('')}`,
  'JSON under the name of XML': '{"resourceType":"Patient"}',
  'a narrative with a script': patient(
    '<text><status value="generated"/><div xmlns="http://www.w3.org/1999/xhtml"><script>1</script></div></text>',
  ),
  'an attribute of 10 MB': patient(`<name><family value="${'x'.repeat(10 * 1024 * 1024)}"/></name>`),
};

test.each(Object.keys(bodies))('%s is refused with a sentence', async (what) => {
  const headers = { 'content-type': 'application/fhir+xml' };
  const answer = await client.send('POST', 'Patient', { body: bodies[what], headers });
  expect([answer.status >= 400 ? '' : `accepted: ${answer.text.slice(0, 200)}`, wrongWith(answer)]).toEqual(['', '']);
});

test('after all this the laboratory is empty, and answers', async () => {
  expect(await versionsOf(client)).toBe(0);
});
