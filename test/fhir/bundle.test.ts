/** Batch and transaction Bundles as they arrive: https://hl7.org/fhir/R4/http.html#transaction, bundle.html */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { inPhases, mostEntries, parseBundle, type BundleRequest } from '../../src/fhir/bundle.ts';
import type { JsonObject, JsonValue } from '../../src/fhir/json.ts';
import { OutcomeError } from '../../src/fhir/outcome.ts';

const base = 'https://lab.example/demo/fhir';

function parse(entry: JsonValue[], type = 'transaction', more: JsonObject = {}): BundleRequest {
  return parseBundle({ resourceType: 'Bundle', type, entry, ...more }, [base]);
}

function entry(method: string, url: string, more: JsonObject = {}, request: JsonObject = {}): JsonObject {
  return { ...more, request: { method, url, ...request } };
}

const patient = (more: JsonObject = {}): JsonObject => ({ resourceType: 'Patient', ...more });

function refusal(action: () => unknown): OutcomeError {
  try {
    action();
  } catch (error) {
    if (error instanceof OutcomeError) {
      return error;
    }
    throw error;
  }
  throw new Error('It was accepted.');
}

describe('request.url', () => {
  test.each<[string, string, string[], [string, string][]]>([
    ['GET', 'Patient/1', ['Patient', '1'], []],
    ['GET', '/Patient/1', ['Patient', '1'], []],
    ['GET', `${base}/Patient/1`, ['Patient', '1'], []],
    ['GET', `${base}?_type=Patient`, [], [['_type', 'Patient']]],
    ['GET', 'Patient/1/_history/2', ['Patient', '1', '_history', '2'], []],
    [
      'GET',
      'Patient?name=a%20b&name=c&code=http://loinc.org%7C1',
      ['Patient'],
      [
        ['name', 'a b'],
        ['name', 'c'],
        ['code', 'http://loinc.org|1'],
      ],
    ],
    ['DELETE', 'Observation?subject=Patient/1', ['Observation'], [['subject', 'Patient/1']]],
    ['GET', 'Patient/1/$everything?_count=2', ['Patient', '1', '$everything'], [['_count', '2']]],
    ['GET', 'Patient?name=%D8%B3', ['Patient'], [['name', 'س']]],
    ['GET', '', [], []],
  ])('%s %s', (method, url, segments, query) => {
    const [parsed] = parse([entry(method, url)]).entries;
    expect(parsed).toMatchObject({ method, segments, query });
  });

  test.each([
    'https://other.example/fhir/Patient/1',
    '//other.example/Patient',
    'urn:uuid:1',
    '../Patient',
    'Patient/%2e%2e/x',
    'Patient/a%2Fb',
    'Patient/%zz',
    'Patient?name=%E0%A4%A',
    'Patient#1',
    'Patient?name=a b',
    'Patient\\1',
  ])('%s is refused', (url) => {
    expect(refusal(() => parse([entry('GET', url)])).issues[0]).toMatchObject({
      code: 'structure',
      expression: ['Bundle.entry[0].request'],
    });
  });
});

test('conditions become headers', () => {
  const { entries } = parse([
    entry('POST', 'Patient', { resource: patient() }, { ifNoneExist: 'identifier=a|b' }),
    entry('PUT', 'Patient/1', { resource: patient() }, { ifMatch: 'W/"3"' }),
    entry('PUT', 'Patient/2', { resource: patient() }, { ifNoneMatch: '*' }),
    entry('GET', 'Patient/3', {}, { ifNoneMatch: 'W/"1"', ifModifiedSince: '2026-01-02T03:04:05.678+03:00' }),
    entry('DELETE', 'Patient/4', {}, { ifMatch: 'W/"1"' }),
  ]);
  expect(entries.map(({ headers }) => headers)).toEqual([
    { 'if-none-exist': 'identifier=a|b' },
    { 'if-match': 'W/"3"' },
    { 'if-none-match': '*' },
    { 'if-none-match': 'W/"1"', 'if-modified-since': 'Fri, 02 Jan 2026 00:04:05 GMT' },
    { 'if-match': 'W/"1"' },
  ]);
});

test('entries keep their place and are processed DELETE, POST, PUT and PATCH, GET and HEAD', () => {
  const { entries } = parse([
    entry('GET', 'Patient/1'),
    entry('PUT', 'Patient/2', { resource: patient() }),
    entry('POST', 'Patient', { resource: patient() }),
    entry('DELETE', 'Patient/3'),
    entry('PATCH', 'Patient/4', { resource: { resourceType: 'Parameters' } }),
    entry('HEAD', 'Patient/5'),
    entry('POST', 'Patient/_search'),
    entry('POST', '$meta'),
  ]);
  expect(inPhases(entries).map((phase) => phase.map(({ index }) => index))).toEqual([[3], [2, 6, 7], [1, 4], [0, 5]]);
});

describe('the Bundle', () => {
  test.each<[string, () => unknown, string, string]>([
    ['another type', () => parse([], 'collection'), 'Bundle.type', 'batch or transaction'],
    ['no type', () => parseBundle({ resourceType: 'Bundle' }, []), 'Bundle.type', 'batch or transaction'],
    ['entry that is no array', () => parse({} as never), 'Bundle.entry', 'array'],
    ['a total', () => parse([], 'batch', { total: 1 }), 'Bundle.total', 'bdl-1'],
    [
      'implicit rules',
      () => parse([], 'batch', { implicitRules: 'http://example.org' }),
      'Bundle.implicitRules',
      'not known',
    ],
    ['an unknown element', () => parse([], 'batch', { entries: [] }), 'Bundle', '"entries"'],
  ])('%s', (_, action, expression, reason) => {
    const error = refusal(action);
    expect(error.issues[0]!.expression).toEqual([expression]);
    expect(error.message).toContain(reason);
  });

  test('has at most so many entries', () => {
    const many = (count: number): JsonValue[] =>
      Array.from({ length: count }, (_, index) => entry('GET', `Patient/${index}`));
    expect(parse(many(mostEntries)).entries).toHaveLength(mostEntries);
    expect(refusal(() => parse(many(mostEntries + 1))).issues[0]!.code).toBe('too-costly');
  });

  test('without entries is fine', () => {
    expect(parseBundle({ resourceType: 'Bundle', type: 'batch' }, [])).toEqual({ type: 'batch', entries: [] });
  });
});

describe('an entry', () => {
  test.each<[string, JsonValue, string]>([
    ['that is null', null, 'must be an object'],
    ['that is a text', 'GET Patient', 'must be an object'],
    ['without request', { resource: patient() }, 'bdl-3'],
    ['with a response', { response: { status: '200' }, ...entry('GET', 'Patient') }, 'bdl-4'],
    ['with search', { search: { mode: 'match' }, ...entry('GET', 'Patient') }, 'bdl-2'],
    ['with an unknown element', { requests: {}, ...entry('GET', 'Patient') }, '"requests"'],
    ['with a modifierExtension', { modifierExtension: [], ...entry('GET', 'Patient') }, 'not understood'],
    ['with an unknown condition', entry('GET', 'Patient', {}, { ifmatch: '1' }), '"ifmatch"'],
    ['with a method in lower case', entry('get', 'Patient'), 'method'],
    ['with a method of the prototype', entry('constructor', 'Patient'), 'method'],
    ['without url', { request: { method: 'GET' } }, 'url'],
    ['POST without resource', entry('POST', 'Patient'), 'needs a resource'],
    ['PUT without resource', entry('PUT', 'Patient/1'), 'needs a resource'],
    ['PATCH without resource', entry('PATCH', 'Patient/1'), 'needs a resource'],
    ['with a resource that is a list', entry('POST', 'Patient', { resource: [patient()] }), 'resource must be'],
    [
      'PUT with ifNoneExist',
      entry('PUT', 'Patient/1', { resource: patient() }, { ifNoneExist: 'a=b' }),
      'PUT has no ifNoneExist',
    ],
    [
      'POST with ifMatch',
      entry('POST', 'Patient', { resource: patient() }, { ifMatch: 'W/"1"' }),
      'POST has no ifMatch',
    ],
    [
      'with an empty ifNoneExist',
      entry('POST', 'Patient', { resource: patient() }, { ifNoneExist: '' }),
      'ifNoneExist',
    ],
    ['with a number as ifMatch', entry('DELETE', 'Patient/1', {}, { ifMatch: 1 }), 'ifMatch must be a text'],
    ['with an impossible ifModifiedSince', entry('GET', 'Patient/1', {}, { ifModifiedSince: 'yesterday' }), 'instant'],
    ['with a relative fullUrl', entry('POST', 'Patient', { fullUrl: 'Patient/1', resource: patient() }), 'absolute'],
    [
      'with a versioned fullUrl',
      entry('POST', 'Patient', { fullUrl: `${base}/Patient/1/_history/2`, resource: patient() }),
      'bdl-8',
    ],
    [
      'with the fullUrl of another id',
      entry('PUT', 'Patient/1', { fullUrl: `${base}/Patient/2`, resource: patient({ id: '1' }) }),
      'the id of the resource',
    ],
    [
      'with the fullUrl of another type',
      entry('PUT', 'Patient/1', { fullUrl: `${base}/Group/1`, resource: patient({ id: '1' }) }),
      'the id of the resource',
    ],
  ])('%s is refused', (_, item, reason) => {
    const error = refusal(() => parse([entry('GET', 'Patient/ok'), item]));
    expect(error.status).toBe(400);
    expect(error.message).toContain(reason);
    expect(error.issues[0]!.expression![0]).toMatch(/^Bundle\.entry\[1\]/);
  });

  test('every fault is named', () => {
    expect(
      refusal(() => parse([null, entry('get', ''), entry('PUT', 'Patient/1')])).issues.map(
        ({ expression }) => expression![0],
      ),
    ).toEqual(['Bundle.entry[0]', 'Bundle.entry[1].request', 'Bundle.entry[2]']);
  });

  test('temporary fullUrls need not agree with an id', () => {
    expect(() =>
      parse([entry('POST', 'Patient', { fullUrl: 'urn:uuid:1', resource: patient({ id: 'x' }) })]),
    ).not.toThrow();
  });
});

describe('a resource that is written twice', () => {
  const put = entry('PUT', 'Patient/1', { resource: patient({ id: '1' }) });
  const patch = entry('PATCH', 'Patient/1', { resource: { resourceType: 'Parameters' } });
  const remove = entry('DELETE', `${base}/Patient/1`);

  test.each([
    ['PUT and PUT', put, put],
    ['PUT and DELETE', put, remove],
    ['PATCH and PUT', patch, put],
    ['DELETE and DELETE', remove, remove],
  ])('%s is refused in a transaction, not in a batch', (_, first, second) => {
    expect(refusal(() => parse([first, entry('GET', 'Patient/1'), second])).issues).toMatchObject([
      { code: 'duplicate', expression: ['Bundle.entry[2]'] },
    ]);
    expect(parse([first, second], 'batch').entries).toHaveLength(2);
  });

  test('a write and a read of one resource are fine', () => {
    expect(parse([put, entry('GET', 'Patient/1')]).entries).toHaveLength(2);
  });

  test('two entries with one fullUrl are refused', () => {
    const post = entry('POST', 'Patient', { fullUrl: 'urn:uuid:1', resource: patient() });
    expect(refusal(() => parse([post, post])).issues[0]).toMatchObject({ code: 'duplicate' });
  });
});

test('whatever arrives is parsed or refused', () => {
  const json = fc.jsonValue() as fc.Arbitrary<JsonValue>;
  const request = fc.record(
    {
      method: fc.oneof(fc.constantFrom('GET', 'PUT', 'DELETE'), json),
      url: fc.oneof(fc.string(), json),
      ifMatch: json,
    },
    { requiredKeys: [] },
  );
  const item = fc.oneof(
    json,
    fc.record({ request: fc.oneof(request, json), resource: json, fullUrl: json }, { requiredKeys: [] }),
  );
  fc.assert(
    fc.property(fc.oneof(fc.array(item), json), fc.constantFrom('batch', 'transaction'), (items, type) => {
      try {
        parseBundle({ resourceType: 'Bundle', type, entry: items as JsonValue }, [base]);
      } catch (error) {
        expect(error).toBeInstanceOf(OutcomeError);
      }
    }),
  );
});
