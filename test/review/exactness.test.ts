/** A decimal comes back digit by digit as it was written, through every interaction and both formats. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { makeLaboratory, type Laboratory } from '../server.ts';

let lab: Laboratory;
beforeAll(async () => {
  lab = await makeLaboratory();
});

const json = { 'content-type': 'application/fhir+json' };
const xml = { 'content-type': 'application/fhir+xml' };
const jsonPatch = { 'content-type': 'application/json-patch+json' };

const observation = (id: string, digits: string, rest = '') =>
  `{"resourceType":"Observation","id":"${id}","status":"final","code":{"text":"x"},"valueQuantity":{"value":${digits}}${rest}}`;

const numbers = [
  '1.00',
  '1e2',
  '-0.0',
  '0.000000000000000000000000000001',
  '12345678901234567890.12345678901234567890',
  '1E-7',
  '5.10e3',
];

describe.each(numbers)('%s', (digits) => {
  const id = `n-${numbers.indexOf(digits)}`;
  const path = `Observation/${id}`;
  const inJson = (text: string) => expect(/"value":\s*([-+.\dEe]+)/.exec(text)?.[1]).toBe(digits);
  const inXml = (text: string) => expect(/<valueQuantity><value value="([^"]*)"/.exec(text)?.[1]).toBe(digits);
  const ask = async (url: string, init: RequestInit = {}): Promise<string> => {
    const response = await lab.fetch(url, init);
    const text = await response.text();
    expect(`${response.status} ${response.ok ? '' : text}`).toMatch(/^20[01] $/);
    return text;
  };

  test('written and read', async () => {
    inJson(await ask(path, { method: 'PUT', body: observation(id, digits), headers: json }));
    for (const url of [
      path,
      `${path}?_pretty=true`,
      `${path}?_elements=value`,
      `${path}?_summary=data`,
      `${path}/_history/1`,
    ]) {
      inJson(await ask(url));
    }
    inXml(await ask(`${path}?_format=xml`));
  });

  test('found and in the history', async () => {
    for (const url of [`Observation?_id=${id}`, `Observation?_id=${id}&_elements=value`, `${path}/_history`]) {
      inJson(await ask(url));
      inXml(await ask(`${url}${url.includes('?') ? '&' : '?'}_format=xml`));
    }
  });

  test('patched beside it, copied and set by a patch', async () => {
    const patch = (operations: string) => ask(path, { method: 'PATCH', body: operations, headers: jsonPatch });
    inJson(await patch('[{"op":"add","path":"/language","value":"en"}]'));
    inJson(
      await patch(`[{"op":"add","path":"/referenceRange","value":[{"low":{"value":${digits}}}]},
        {"op":"copy","from":"/referenceRange/0/low/value","path":"/valueQuantity/value"},
        {"op":"remove","path":"/referenceRange"}]`),
    );
    const part = `{"name":"type","valueCode":"replace"},{"name":"path","valueString":"Observation.value.value"},{"name":"value","valueDecimal":${digits}}`;
    const fhirpath = `{"resourceType":"Parameters","parameter":[{"name":"operation","part":[${part}]}]}`;
    inJson(await ask(path, { method: 'PATCH', body: fhirpath, headers: json }));
  });

  test('relabelled', async () => {
    const parameters = '{"resourceType":"Parameters","parameter":[{"name":"meta","valueMeta":{"tag":[{"code":"t"}]}}]}';
    for (const operation of ['$meta-add', '$meta-delete']) {
      await ask(`${path}/${operation}`, { method: 'POST', body: parameters, headers: json });
      inJson(await ask(path));
    }
  });

  test('in a transaction whose references are rewritten', async () => {
    const fullUrl = 'urn:uuid:8b0f8a44-2f0e-4c9e-9a53-1a1a1a1a1a1a';
    const subject = `,"subject":{"reference":"${fullUrl}"}`;
    const bundle = `{"resourceType":"Bundle","type":"transaction","entry":[
      {"fullUrl":"${fullUrl}","resource":{"resourceType":"Patient"},"request":{"method":"POST","url":"Patient"}},
      {"resource":${observation(id, digits, subject)},"request":{"method":"PUT","url":"${path}"}}]}`;
    inJson(await ask('', { method: 'POST', body: bundle, headers: { ...json, prefer: 'return=representation' } }));
    inJson(await ask(path));
  });

  test('through XML and back', async () => {
    const text = await ask(`${path}?_format=xml`);
    inJson(await ask(path, { method: 'PUT', body: text, headers: xml }));
    inXml(await ask(`${path}?_format=xml`));
  });
});
