/** The format of the answer. https://hl7.org/fhir/R4/http.html#mime-type */
import { describe, expect, test } from '@jest/globals';
import { OutcomeError, statusOf } from '../../src/fhir/outcome.ts';
import { negotiate } from '../../src/http/negotiate.ts';
import { makeRateLimiter } from '../../src/http/rate-limit.ts';

describe('negotiate', () => {
  test.each([
    ['', undefined, 'json'],
    ['', '*/*', 'json'],
    ['', 'application/fhir+xml', 'xml'],
    ['', 'application/xml;q=0.5, application/json', 'json'],
    ['', 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 'json'],
    ['', 'application/fhir+json; fhirVersion=4.0', 'json'],
    ['', 'application/fhir+json;fhirVersion=3.0, application/fhir+xml', 'xml'],
    ['', 'application/fhir+json;q=0, */*', 'xml'],
    ['', 'application/fhir+xml;q=0, */*', 'json'],
    ['xml', 'application/fhir+json', 'xml'],
    ['application/fhir json', undefined, 'json'],
    ['text/xml', undefined, 'xml'],
  ])('_format=%s, Accept: %s → %s', (format, accept, wanted) => {
    expect(negotiate(format === '' ? [] : [['_format', format]], accept).format).toBe(wanted);
  });

  test.each([
    ['turtle', undefined],
    ['', 'application/fhir+turtle'],
    ['', 'application/fhir+json; fhirVersion=3.0'],
    ['', 'application/fhir+json;q=0'],
    ['application/fhir+json; fhirVersion=5.0', undefined],
  ])('_format=%s, Accept: %s → 406', (format, accept) => {
    const attempt = (): unknown => negotiate(format === '' ? [] : [['_format', format]], accept);
    expect(attempt).toThrow(OutcomeError);
    try {
      attempt();
    } catch (error) {
      expect(statusOf(error as OutcomeError)).toBe(406);
    }
  });
});

describe('rate limit', () => {
  test('counts each caller for itself, in windows of a minute', () => {
    let now = 1_000_000;
    const limiter = makeRateLimiter(() => now);
    limiter.count('a', 2);
    limiter.count('a', 2);
    expect(() => limiter.count('a', 2)).toThrow(/More than 2 requests in a minute/);
    limiter.count('b', 2);
    limiter.count('a', 0);
    now += 60_000;
    limiter.count('a', 2);
  });

  test('tells when to come back', () => {
    const limiter = makeRateLimiter(() => 0);
    limiter.count('a', 1);
    expect(() => limiter.count('a', 1)).toThrow(expect.objectContaining({ headers: { 'retry-after': '60' } }));
  });
});
