/** Binary over HTTP, by the sections of https://hl7.org/fhir/R4/binary.html and http.html. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { makeLaboratory, signIn, type Laboratory } from '../server.ts';

let lab: Laboratory;
beforeAll(async () => {
  lab = await makeLaboratory();
});

type Headers = Record<string, string>;

async function post(content: Buffer<ArrayBuffer> | string, type: string, headers: Headers = {}): Promise<string> {
  const response = await lab.fetch('Binary', {
    method: 'POST',
    body: content,
    headers: { 'content-type': type, ...headers },
  });
  expect(response.status).toBe(201);
  const { id } = (await response.json()) as { id: string };
  return id;
}

async function bytesOf(response: Response): Promise<Buffer> {
  return Buffer.from(await response.arrayBuffer());
}

const fhir = { accept: 'application/fhir+json' };

describe('serving Binary resources', () => {
  test('content of any type comes back byte for byte with its type and without harm to browsers', async () => {
    const content = randomBytes(200_001);
    const id = await post(content, 'application/pdf');
    const response = await lab.fetch(`Binary/${id}`, { headers: { accept: '*/*' } });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/pdf');
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect(response.headers.get('content-security-policy')).toContain('sandbox');
    expect(response.headers.get('etag')).toBe('W/"1"');
    expect(response.headers.get('content-length')).toBe('200001');
    expect((await bytesOf(response)).equals(content)).toBe(true);
  });

  test('without Accept, or with one that is not FHIR, the bytes are given', async () => {
    const id = await post('plain', 'text/plain; charset=utf-8');
    for (const accept of ['*/*', 'text/plain', 'image/png', 'application/pdf, */*;q=0.1']) {
      const response = await lab.fetch(`Binary/${id}`, { headers: { accept } });
      expect(`${accept} ${await response.text()}`).toBe(`${accept} plain`);
      expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    }
  });

  test.each([
    ['Accept: application/fhir+json', { accept: 'application/fhir+json' }, ''],
    ['Accept: application/json', { accept: 'application/json' }, ''],
    ['_format=json', { accept: '*/*' }, '?_format=json'],
  ])('%s gives the resource with base64 data', async (_, headers, query) => {
    const id = await post(Buffer.from([0, 1, 2, 253, 254, 255, 0]), 'application/octet-stream');
    const response = await lab.fetch(`Binary/${id}${query}`, { headers });
    expect(response.headers.get('content-type')).toMatch(/^application\/fhir\+json/);
    expect(await response.json()).toMatchObject({
      resourceType: 'Binary',
      id,
      meta: { versionId: '1' },
      contentType: 'application/octet-stream',
      data: 'AAEC/f7/AA==',
    });
  });

  test('XML is given where XML is asked for', async () => {
    const id = await post('<html/>', 'text/html');
    const response = await lab.fetch(`Binary/${id}`, { headers: { accept: 'application/fhir+xml' } });
    expect(await response.text()).toContain(`<data value="${Buffer.from('<html/>').toString('base64')}"/>`);
  });

  test('content that is JSON itself comes as it is when JSON is accepted, as the resource when FHIR is', async () => {
    const id = await post('{"a": 1.00}', 'application/json');
    expect(await (await lab.fetch(`Binary/${id}`, { headers: { accept: 'application/json' } })).text()).toBe(
      '{"a": 1.00}',
    );
    expect(await (await lab.fetch(`Binary/${id}`, { headers: fhir })).json()).toMatchObject({ resourceType: 'Binary' });
  });

  test.each(['json', 'xml'])(
    '%s of content too large for memory streams, correct at every border of three bytes',
    async (format) => {
      for (const size of [1_048_577, 1_048_578, 1_048_579]) {
        const content = randomBytes(size);
        const id = await post(content, 'application/dicom');
        const response = await lab.fetch(`Binary/${id}`, { headers: { accept: `application/fhir+${format}` } });
        const text = await response.text();
        expect(response.headers.get('content-length')).toBe(String(Buffer.byteLength(text)));
        const data = (format === 'xml' ? /<data value="([^"]*)"/ : /"data":"([^"]*)"/).exec(text)?.[1] ?? '';
        expect(Buffer.from(data, 'base64').equals(content)).toBe(true);
        expect(format === 'xml' || (JSON.parse(text) as { id: string }).id === id).toBe(true);
      }
    },
  );

  test('HEAD tells the size and type of the bytes and sends none', async () => {
    const id = await post('twelve bytes', 'text/plain');
    const response = await lab.fetch(`Binary/${id}`, { method: 'HEAD', headers: { accept: '*/*' } });
    expect(response.headers.get('content-length')).toBe('12');
    expect(response.headers.get('content-type')).toBe('text/plain');
    expect(await response.text()).toBe('');
  });
});

describe('writing Binary resources', () => {
  test('a Binary in JSON is stored as its decoded bytes', async () => {
    const resource = { resourceType: 'Binary', contentType: 'image/png', data: 'iVBORw0KGgo=' };
    const id = await post(JSON.stringify(resource), 'application/fhir+json');
    const response = await lab.fetch(`Binary/${id}`, { headers: { accept: 'image/png' } });
    expect(response.headers.get('content-type')).toBe('image/png');
    expect((await bytesOf(response)).toString('hex')).toBe('89504e470d0a1a0a');
  });

  test('a Binary in XML is, too', async () => {
    const id = await post(
      '<Binary xmlns="http://hl7.org/fhir"><contentType value="text/plain"/><data value="aGVsbG8="/></Binary>',
      'application/fhir+xml',
    );
    expect(await (await lab.fetch(`Binary/${id}`, { headers: { accept: '*/*' } })).text()).toBe('hello');
  });

  test('content of a FHIR type that is no Binary is content', async () => {
    const patient = '{"resourceType":"Patient",  "active":true}';
    const id = await post(patient, 'application/fhir+json');
    const response = await lab.fetch(`Binary/${id}`, { headers: { accept: '*/*' } });
    expect(response.headers.get('content-type')).toBe('application/fhir+json');
    expect(await response.text()).toBe(patient);
  });

  test.each([
    ['malformed FHIR', '{"resourceType":"Binary",', 'application/fhir+json', 400],
    ['a Binary without contentType', '{"resourceType":"Binary"}', 'application/fhir+json', 422],
    [
      'data that is not base64',
      '{"resourceType":"Binary","contentType":"a/b","data":"***"}',
      'application/fhir+json',
      422,
    ],
    ['an unknown element', '{"resourceType":"Binary","contentType":"a/b","size":1}', 'application/fhir+json', 422],
    [
      'a contentType that is no media type',
      '{"resourceType":"Binary","contentType":"pdf"}',
      'application/fhir+json',
      422,
    ],
    ['a type that could split headers', 'x', 'text/plain; a="\u0080"', 422],
  ])('%s is refused', async (_, body, type, status) => {
    const response = await lab.fetch('Binary', { method: 'POST', body, headers: { 'content-type': type } });
    expect([400, status]).toContain(response.status);
    expect(await response.json()).toMatchObject({ resourceType: 'OperationOutcome' });
  });

  test('the stored resource has no data: history and search results stay small', async () => {
    const id = await post('x'.repeat(1_000), 'text/plain');
    const text = await (await lab.fetch(`Binary/${id}/_history`, { headers: fhir })).text();
    expect(text).toContain(id);
    expect(text).not.toContain('"data"');
  });

  test('each version keeps its content and type', async () => {
    const id = await post('first', 'text/plain');
    const put = (body: string, type: string, headers: Headers = {}) =>
      lab.fetch(`Binary/${id}`, { method: 'PUT', body, headers: { 'content-type': type, ...headers } });
    expect((await put('second', 'text/csv', { 'if-match': 'W/"1"' })).status).toBe(200);
    expect((await put('never', 'text/csv', { 'if-match': 'W/"1"' })).status).toBe(412);
    const read = (path: string) => lab.fetch(path, { headers: { accept: '*/*' } }).then((response) => response.text());
    expect(await read(`Binary/${id}`)).toBe('second');
    expect(await read(`Binary/${id}/_history/1`)).toBe('first');
    expect(await read(`Binary/${id}/_history/2`)).toBe('second');
    expect((await lab.fetch(`Binary/${id}/_history/3`)).status).toBe(404);
  });

  test('an update in FHIR has to name the id of the URL', async () => {
    const id = await post('x', 'text/plain');
    const put = (resource: object) =>
      lab.fetch(`Binary/${id}`, {
        method: 'PUT',
        body: JSON.stringify({ resourceType: 'Binary', contentType: 'text/plain', ...resource }),
        headers: { 'content-type': 'application/fhir+json' },
      });
    expect((await put({})).status).toBe(400);
    expect((await put({ id: 'other' })).status).toBe(400);
    expect((await put({ id, data: 'eQ==' })).status).toBe(200);
  });

  test('an update of an id that was never used creates it', async () => {
    const response = await lab.fetch('Binary/own-id', {
      method: 'PUT',
      body: 'mine',
      headers: { 'content-type': 'text/plain' },
    });
    expect(response.status).toBe(201);
    expect(response.headers.get('location')).toContain('Binary/own-id/_history/1');
  });

  test('deleted content is gone, its earlier version is not', async () => {
    const id = await post('short-lived', 'text/plain');
    expect((await lab.fetch(`Binary/${id}`, { method: 'DELETE' })).status).toBe(204);
    expect((await lab.fetch(`Binary/${id}`)).status).toBe(410);
    const earlier = await lab.fetch(`Binary/${id}/_history/1`, { headers: { accept: '*/*' } });
    expect(await earlier.text()).toBe('short-lived');
  });

  test('a patch of what stands round the content keeps the content', async () => {
    const id = await post('kept', 'text/plain');
    const response = await lab.fetch(`Binary/${id}`, {
      method: 'PATCH',
      body: JSON.stringify([{ op: 'add', path: '/language', value: 'ar' }]),
      headers: { 'content-type': 'application/json-patch+json' },
    });
    expect(response.status).toBe(200);
    expect(await (await lab.fetch(`Binary/${id}`, { headers: { accept: '*/*' } })).text()).toBe('kept');
    expect(await (await lab.fetch(`Binary/${id}`, { headers: fhir })).json()).toMatchObject({ language: 'ar' });
  });

  test('a Binary inside a transaction is read like any other', async () => {
    const response = await lab.fetch('', {
      method: 'POST',
      headers: { 'content-type': 'application/fhir+json' },
      body: JSON.stringify({
        resourceType: 'Bundle',
        type: 'transaction',
        entry: [
          {
            resource: { resourceType: 'Binary', contentType: 'text/plain', data: 'aW4gYSBidW5kbGU=' },
            request: { method: 'POST', url: 'Binary' },
          },
        ],
      }),
    });
    const bundle = (await response.json()) as { entry: { response: { location: string } }[] };
    const id = /Binary\/([^/]+)/.exec(bundle.entry[0]?.response.location ?? '')?.[1];
    expect(await (await lab.fetch(`Binary/${id}`, { headers: { accept: '*/*' } })).text()).toBe('in a bundle');
  });

  test('an empty body of no length is refused, empty content as FHIR is kept', async () => {
    expect((await lab.fetch('Binary', { method: 'POST', headers: { 'content-type': 'text/plain' } })).status).toBe(400);
    const id = await post('{"resourceType":"Binary","contentType":"text/plain"}', 'application/fhir+json');
    const response = await lab.fetch(`Binary/${id}`, { headers: { accept: '*/*' } });
    expect([response.status, await response.text()]).toEqual([200, '']);
    expect(await (await lab.fetch(`Binary/${id}`, { headers: fhir })).json()).not.toHaveProperty('data');
  });

  test('twenty megabytes stream in and out unchanged', async () => {
    const chunk = randomBytes(1_000_000);
    const digest = createHash('sha256');
    const body = Readable.toWeb(
      Readable.from(
        (function* () {
          for (let n = 0; n < 20; n += 1) {
            digest.update(chunk);
            yield chunk;
          }
        })(),
      ),
    ) as ReadableStream;
    const init = { method: 'POST', body, duplex: 'half', headers: { 'content-type': 'application/dicom' } };
    const { id } = (await (await lab.fetch('Binary', init as RequestInit)).json()) as { id: string };
    const read = await bytesOf(await lab.fetch(`Binary/${id}`, { headers: { accept: '*/*' } }));
    expect(createHash('sha256').update(read).digest('hex')).toBe(digest.digest('hex'));
  });
});

describe('conditional reads and ranges', () => {
  const content = randomBytes(300_000);
  let id = '';
  beforeAll(async () => {
    id = await post(content, 'application/octet-stream');
  });
  const read = (headers: Headers) => lab.fetch(`Binary/${id}`, { headers: { accept: '*/*', ...headers } });

  test('If-None-Match with the version gives 304', async () => {
    const response = await read({ 'if-none-match': 'W/"1"' });
    expect(response.status).toBe(304);
    expect((await bytesOf(response)).length).toBe(0);
  });

  test.each([
    ['bytes=0-99', 0, 100],
    ['bytes=65530-131080', 65_530, 131_081],
    ['bytes=-5', 299_995, 300_000],
    ['bytes=299999-', 299_999, 300_000],
  ])('%s gives that part', async (range, start, end) => {
    const response = await read({ range });
    expect(response.status).toBe(206);
    expect(response.headers.get('content-range')).toBe(`bytes ${start}-${end - 1}/300000`);
    expect((await bytesOf(response)).equals(content.subarray(start, end))).toBe(true);
  });

  test('a range outside is 416, several ranges are the whole', async () => {
    const outside = await read({ range: 'bytes=300000-' });
    expect(outside.status).toBe(416);
    expect(outside.headers.get('content-range')).toBe('bytes */300000');
    expect((await read({ range: 'bytes=0-1,5-6' })).status).toBe(200);
  });

  test('If-Range with another date gives the whole', async () => {
    const modified = (await read({})).headers.get('last-modified') ?? '';
    expect((await read({ range: 'bytes=0-1', 'if-range': modified })).status).toBe(206);
    expect((await read({ range: 'bytes=0-1', 'if-range': 'Thu, 01 Jan 1970 00:00:00 GMT' })).status).toBe(200);
  });
});

describe('security context', () => {
  let patient = '';
  beforeAll(async () => {
    const response = await lab.fetch('Patient', {
      method: 'POST',
      body: '{"resourceType":"Patient"}',
      headers: { 'content-type': 'application/fhir+json' },
    });
    patient = ((await response.json()) as { id: string }).id;
  });

  test('X-Security-Context is stored and told', async () => {
    const id = await post('x', 'text/plain', { 'x-security-context': `Patient/${patient}` });
    const raw = await lab.fetch(`Binary/${id}`, { headers: { accept: '*/*' } });
    expect(raw.headers.get('x-security-context')).toBe(`Patient/${patient}`);
    const resource = await (await lab.fetch(`Binary/${id}`, { headers: fhir })).json();
    expect(resource).toMatchObject({ securityContext: { reference: `Patient/${patient}` } });
  });

  test('who may not read the resource it names may do nothing with the Binary', async () => {
    const id = await post('secret', 'text/plain', { 'x-security-context': `Patient/${patient}` });
    const stranger = await signIn(lab.tenant, 'system/Binary.cruds');
    const init = { body: 'x', headers: { 'content-type': 'text/plain' } };
    expect((await stranger.fetch(`Binary/${id}`)).status).toBe(403);
    expect((await stranger.fetch(`Binary/${id}`, { headers: fhir })).status).toBe(403);
    expect((await stranger.fetch(`Binary/${id}`, { method: 'HEAD' })).status).toBe(403);
    expect((await stranger.fetch(`Binary/${id}/_history/1`)).status).toBe(403);
    expect((await stranger.fetch(`Binary/${id}`, { method: 'PUT', ...init })).status).toBe(403);
    expect((await stranger.fetch(`Binary/${id}`, { method: 'DELETE' })).status).toBe(403);
    const reader = await signIn(lab.tenant, 'system/Binary.r system/Patient.r');
    expect(await (await reader.fetch(`Binary/${id}`, { headers: { accept: '*/*' } })).text()).toBe('secret');
  });

  test('a context that is gone is readable for nobody', async () => {
    const response = await lab.fetch('Patient', {
      method: 'POST',
      body: '{"resourceType":"Patient"}',
      headers: { 'content-type': 'application/fhir+json' },
    });
    const gone = ((await response.json()) as { id: string }).id;
    const id = await post('x', 'text/plain', { 'x-security-context': `Patient/${gone}` });
    expect((await lab.fetch(`Binary/${id}`)).status).toBe(200);
    await lab.fetch(`Patient/${gone}`, { method: 'DELETE' });
    expect((await lab.fetch(`Binary/${id}`)).status).toBe(403);
  });

  test.each(['https://elsewhere.example/Patient/1', 'nonsense', '#p', 'urn:uuid:1'])(
    'the context %s, which could never be checked, is refused',
    async (reference) => {
      const response = await lab.fetch('Binary', {
        method: 'POST',
        body: 'x',
        headers: { 'content-type': 'text/plain', 'x-security-context': reference },
      });
      expect(response.status).toBe(422);
    },
  );
});

test('two laboratories hold the same id with different content', async () => {
  const other = await makeLaboratory();
  for (const [laboratory, body] of [
    [lab, 'ours'],
    [other, 'theirs'],
  ] as const) {
    const init = { method: 'PUT', body, headers: { 'content-type': 'text/plain' } };
    expect((await laboratory.fetch('Binary/shared', init)).status).toBe(201);
  }
  expect(await (await lab.fetch('Binary/shared', { headers: { accept: '*/*' } })).text()).toBe('ours');
  expect(await (await other.fetch('Binary/shared', { headers: { accept: '*/*' } })).text()).toBe('theirs');
});
