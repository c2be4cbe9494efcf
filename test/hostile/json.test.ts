/** Bodies that are no JSON, no FHIR JSON, or too much of it: each is refused by every interaction that reads one. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { connect, type Answer, type Client } from '../../conformance/client.ts';
import { makeLaboratory } from '../server.ts';
import { versionsOf, wrongWith } from './verdict.ts';

let client: Client;

beforeAll(async () => {
  const { base, token } = await makeLaboratory();
  client = connect(base, token);
});

const megabyte = 1024 * 1024;
const bytes = (head: string, middle: number[], tail: string): Uint8Array =>
  Buffer.concat([Buffer.from(head), Buffer.from(middle), Buffer.from(tail)]);
const value = (number: string): string =>
  `{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueQuantity":{"value":${number}}}`;
const family = (text: string): string => `{"resourceType":"Patient","name":[{"family":${text}}]}`;
const contained = (count: number, id: (i: number) => string): string => {
  const all = Array.from({ length: count }, (_, i) => `{"resourceType":"Organization","id":"${id(i)}","name":"x"}`);
  return `{"resourceType":"Patient","contained":[${all.join(',')}]}`;
};
const deep = (depth: number): string =>
  `{"resourceType":"Patient","extension":[{"url":"u","extension":${'[{"url":"u","extension":'.repeat(depth)}[]${'}]'.repeat(depth)}}]}`;

/** None of these is valid FHIR. */
const bodies: Readonly<Record<string, string | Uint8Array>> = {
  'no bytes at all': '',
  'white space': ' \n\t ',
  'half an object': '{"resourceType":"Patient"',
  'an object and more': '{"resourceType":"Patient"}{}',
  'a comment': '{"resourceType":"Patient"/* */}',
  'single quotes': "{'resourceType':'Patient'}",
  'a comma too many': '{"resourceType":"Patient",}',
  'an array': '[{"resourceType":"Patient"}]',
  'a string': '"Patient"',
  null: 'null',
  'no resourceType': '{"active":true}',
  'a resourceType that does not exist': '{"resourceType":"Nothing"}',
  'a resourceType that is a data type': '{"resourceType":"HumanName","family":"x"}',
  'an abstract resourceType': '{"resourceType":"DomainResource"}',
  'a resourceType of the prototype': '{"resourceType":"__proto__"}',
  'a resourceType of Object': '{"resourceType":"constructor"}',
  'a resourceType that is a number': '{"resourceType":1}',
  'a key twice': '{"resourceType":"Patient","active":true,"active":false}',
  'a key twice, once escaped': '{"resourceType":"Patient","active":true,"\\u0061ctive":false}',
  'resourceType twice': '{"resourceType":"Patient","resourceType":"Patient"}',
  'the key __proto__': '{"resourceType":"Patient","__proto__":{"active":true}}',
  'an unknown key': '{"resourceType":"Patient","colour":"red"}',
  'bytes that are not UTF-8': bytes('{"resourceType":"Patient","name":[{"family":"', [0xc3, 0x28], '"}]}'),
  'an overlong UTF-8 sequence': bytes('{"resourceType":"Patient","name":[{"family":"', [0xc0, 0xaf], '"}]}'),
  'a surrogate in UTF-8': bytes('{"resourceType":"Patient","name":[{"family":"', [0xed, 0xa0, 0x80], '"}]}'),
  'UTF-16 bytes': Buffer.from('{"resourceType":"Patient"}', 'utf16le'),
  'a lone high surrogate': family('"\\ud800"'),
  'a lone low surrogate': family('"x\\udc00"'),
  'surrogates in the wrong order': family('"\\udc00\\ud800"'),
  'a NUL': family('"a\\u0000b"'),
  'a raw NUL byte': family('"a\u0000b"'),
  'a raw line break in a string': family('"a\nb"'),
  'a string of white space': family('"   "'),
  'an empty string': family('""'),
  'the number 1.': value('1.'),
  'the number .5': value('.5'),
  'the number 01': value('01'),
  'the number +1': value('+1'),
  'the number 0x10': value('0x10'),
  'the number NaN': value('NaN'),
  'the number Infinity': value('Infinity'),
  'the number 1e400': value('1e400'),
  'the number -1e400': value('-1e400'),
  'the number 1e-99999': value('1e-99999'),
  'a number of 100,000 digits with an exponent': value(`1${'0'.repeat(100_000)}e5`),
  'a number as a string': value('"1.0"'),
  'a string of 10 MB': family(`"${'x'.repeat(10 * megabyte)}"`),
  'arrays 100,000 deep': `${'['.repeat(100_000)}${']'.repeat(100_000)}`,
  'objects 100,000 deep': `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`,
  'extensions 5,000 deep': deep(5_000),
  'a million small arrays': `{"resourceType":"Patient","name":[${'[],'.repeat(1_000_000)}[]]}`,
  '5,000 contained resources with one id': contained(5_000, () => 'same'),
  'a contained resource in a contained resource':
    '{"resourceType":"Patient","contained":[{"resourceType":"Patient","id":"a","contained":[{"resourceType":"Patient","id":"b"}]}]}',
  'a reference to a contained resource that is not there':
    '{"resourceType":"Patient","managingOrganization":{"reference":"#no"}}',
  'narrative with a script':
    '{"resourceType":"Patient","text":{"status":"generated","div":"<div xmlns=\\"http://www.w3.org/1999/xhtml\\"><script>1</script></div>"}}',
  'narrative that is not well-formed':
    '{"resourceType":"Patient","text":{"status":"generated","div":"<div xmlns=\\"http://www.w3.org/1999/xhtml\\"><p></div>"}}',
};

const json = { 'content-type': 'application/fhir+json' };

const places: Readonly<Record<string, (body: string | Uint8Array) => Promise<Answer>>> = {
  create: (body) => client.send('POST', typeOf(body), { body, headers: json }),
  update: (body) => client.send('PUT', `${typeOf(body)}/one`, { body, headers: json }),
  batch: (body) => client.send('POST', '', { body, headers: json }),
  'transaction entry': (body) => client.send('POST', '', { body: inTransaction(body), headers: json }),
  patch: (body) =>
    client.send('PATCH', 'Patient/one', { body, headers: { 'content-type': 'application/json-patch+json' } }),
};

function typeOf(body: string | Uint8Array): string {
  return Buffer.from(body).subarray(0, 100).includes('"Observation"') ? 'Observation' : 'Patient';
}

function inTransaction(body: string | Uint8Array): Uint8Array {
  const head = '{"resourceType":"Bundle","type":"transaction","entry":[{"resource":';
  const tail = `,"request":{"method":"POST","url":"${typeOf(body)}"}}]}`;
  return Buffer.concat([Buffer.from(head), Buffer.from(body), Buffer.from(tail)]);
}

describe.each(Object.keys(places))('%s', (place) => {
  test.each(Object.keys(bodies))('%s is refused with a sentence', async (what) => {
    const answer = await places[place]!(bodies[what]!);
    expect([answer.status >= 400 ? '' : `accepted: ${answer.text.slice(0, 200)}`, wrongWith(answer)]).toEqual(['', '']);
  });
});

test('after all this the laboratory is empty, and answers', async () => {
  expect(await versionsOf(client)).toBe(0);
});

test('thousands of different contained resources are a valid resource, stored or refused, in good time', async () => {
  const started = performance.now();
  const answer = await client.send('POST', 'Patient', { body: contained(5_000, (i) => `o${i}`), headers: json });
  expect(wrongWith(answer)).toBe('');
  expect(performance.now() - started).toBeLessThan(60_000);
});
