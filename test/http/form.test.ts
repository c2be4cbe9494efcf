/** POST _search: how the answer is written is said in its form too. https://hl7.org/fhir/R4/http.html#search */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { rememberForm } from '../../src/http/form.ts';
import type { Body } from '../../src/request.ts';
import { makeLaboratory, type Laboratory } from '../server.ts';

let lab: Laboratory;

beforeAll(async () => {
  lab = await makeLaboratory();
  const body = '{"resourceType":"Patient","id":"p","active":true}';
  await lab.fetch('Patient/p', { method: 'PUT', body, headers: { 'content-type': 'application/fhir+json' } });
});

async function post(
  path: string,
  form: string,
  accept?: string,
): Promise<{ status: number; type: string; text: string }> {
  const headers = { 'content-type': 'application/x-www-form-urlencoded', ...(accept !== undefined && { accept }) };
  const answer = await lab.fetch(path, { method: 'POST', body: form, headers });
  const type = /fhir\+(json|xml)/.exec(answer.headers.get('content-type') ?? '')?.[1] ?? '';
  return { status: answer.status, type, text: await answer.text() };
}

/** Path, form, Accept; status and format of the answer. */
test.each([
  ['Patient/_search', '_format=xml', undefined, 200, 'xml'],
  ['Patient/_search', '_id=p&_format=xml', 'application/fhir+json', 200, 'xml'],
  ['Patient/_search', '_format=application%2Ffhir%2Bxml', undefined, 200, 'xml'],
  ['Patient/_search', '_format=json', 'application/fhir+xml', 200, 'json'],
  ['Patient/_search', '_format=json', 'text/csv', 200, 'json'],
  ['Patient/_search', '_id=p', 'application/fhir+xml', 200, 'xml'],
  ['Patient/_search', '_id=p', 'text/csv', 406, 'json'],
  ['Patient/_search', '_format=turtle', undefined, 406, 'json'],
  ['Patient/_search', '_format=turtle', 'application/fhir+xml', 406, 'xml'],
  ['Patient/_search?_format=json', '_format=xml', undefined, 200, 'json'],
  ['Patient/_search?_format=xml', '_format=json', undefined, 200, 'xml'],
  ['_search', '_type=Patient&_format=xml', undefined, 200, 'xml'],
  ['Patient/p/Observation/_search', '_format=xml', undefined, 200, 'xml'],
  ['Patient/_search', 'nothing=1&_format=xml', undefined, 400, 'xml'],
  ['Patient/_search', 'nothing=1', undefined, 400, 'json'],
  ['Patient/_search', '_format=xml&name=%ff', undefined, 400, 'json'],
  ['Patient/_search', '', 'text/csv', 406, 'json'],
])('%s with %s, Accept: %s → %i %s', async (path, form, accept, status, type) => {
  const answer = await post(path, form, accept);
  expect([answer.status, answer.type]).toEqual([status, type]);
  if (status === 200) expect(answer.text.startsWith(type === 'xml' ? '<' : '{')).toBe(true);
});

test('_pretty in the form', async () => {
  expect((await post('Patient/_search', '_id=p&_pretty=true')).text).toContain('\n  "type": "searchset"');
});

test('the links of the page do not depend on the format', async () => {
  const { text } = await post('Patient/_search', '_id=p&_format=json');
  expect(text).toContain(`/Patient?_id=p"`);
});

describe('rememberForm', () => {
  const bodyOf = (text: string): Body => ({
    contentType: 'application/x-www-form-urlencoded',
    read: () => Promise.resolve(Buffer.from(text)),
    stream: () => {
      throw new Error('unused');
    },
  });

  test('says nothing of a form that nobody read', () => {
    expect(rememberForm(bodyOf('_format=xml')).parameters()).toEqual([]);
  });

  test('keeps only what concerns the answer', async () => {
    const form = rememberForm(bodyOf('name=x&_format=xml&_pretty=true'));
    expect((await form.body.read(100)).toString()).toBe('name=x&_format=xml&_pretty=true');
    expect(form.parameters()).toEqual([
      ['_format', 'xml'],
      ['_pretty', 'true'],
    ]);
  });
});
