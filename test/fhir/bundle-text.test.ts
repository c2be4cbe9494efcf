/** Bundles that are answered, as text: https://hl7.org/fhir/R4/bundle.html */
import { describe, expect, test } from '@jest/globals';
import { bundleText } from '../../src/fhir/bundle-text.ts';
import { rootNode } from '../../src/fhir/path/node.ts';
import { compileInvariant } from '../../src/fhir/path/compile.ts';
import { shapeOf } from '../../src/fhir/definitions.ts';
import type { JsonObject } from '../../src/fhir/json.ts';

const stored = '{"resourceType":"Observation","id":"1","valueQuantity":{"value":1.00}}';

test('the text of a resource passes through as it is', () => {
  expect(
    bundleText({ type: 'searchset', total: 1 }, [
      { fullUrl: 'https://a/Observation/1', text: stored, search: { mode: 'match', score: 0.5 } },
    ]),
  ).toBe(
    `{"resourceType":"Bundle","type":"searchset","total":1,"entry":[{"fullUrl":"https://a/Observation/1","resource":${stored},"search":{"mode":"match","score":0.5}}]}`,
  );
});

test('other members are serialised, whatever they hold', () => {
  const url = 'https://a/Observation?code=a"b\\c\u2028';
  const bundle = JSON.parse(
    bundleText(
      {
        type: 'searchset',
        total: 0,
        id: 'x',
        timestamp: '2026-01-02T03:04:05.678Z',
        links: [
          { relation: 'self', url },
          { relation: 'next', url: 'n' },
        ],
      },
      [],
    ),
  ) as JsonObject;
  expect(bundle).toEqual({
    resourceType: 'Bundle',
    id: 'x',
    type: 'searchset',
    timestamp: '2026-01-02T03:04:05.678Z',
    total: 0,
    link: [
      { relation: 'self', url },
      { relation: 'next', url: 'n' },
    ],
  });
});

test('empty lists and unknown totals are left out', () => {
  expect(bundleText({ type: 'history', links: [], total: undefined }, [])).toBe(
    '{"resourceType":"Bundle","type":"history"}',
  );
});

describe('keeps the invariants of Bundle', () => {
  test.each([
    [
      'searchset',
      bundleText({ type: 'searchset', total: 1 }, [
        { fullUrl: 'https://a/Observation/1', text: stored, search: { mode: 'match' } },
      ]),
    ],
    [
      'history',
      bundleText({ type: 'history', total: 2 }, [
        {
          fullUrl: 'https://a/Observation/1',
          text: stored,
          request: { method: 'PUT', url: 'Observation/1' },
          response: { status: '200', etag: 'W/"2"' },
        },
        {
          fullUrl: 'https://a/Observation/1',
          request: { method: 'DELETE', url: 'Observation/1' },
          response: { status: '204' },
        },
      ]),
    ],
    [
      'batch-response',
      bundleText({ type: 'batch-response' }, [
        { text: stored, response: { status: '200 OK' } },
        { response: { status: '404' } },
      ]),
    ],
  ])('%s', (_, text) => {
    const root = rootNode(JSON.parse(text) as JsonObject);
    const rules = [
      ...shapeOf('Bundle')!.constraints,
      ...shapeOf('Bundle')!.properties.get('entry')!.element.constraints,
    ];
    const broken = rules.filter(
      ({ key, expression }) =>
        key.startsWith('bdl') &&
        key !== 'bdl-5' &&
        key !== 'bdl-8' &&
        !compileInvariant(expression)(root, { resource: root }),
    );
    expect(broken.map(({ key }) => key)).toEqual([]);
    expect(rules.length).toBeGreaterThan(5);
  });
});
