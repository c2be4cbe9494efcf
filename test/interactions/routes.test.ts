/** Every cell of the table of interactions: method × path. https://hl7.org/fhir/R4/http.html#summary */
import { describe, expect, test } from '@jest/globals';
import { OutcomeError, statusOf } from '../../src/fhir/outcome.ts';
import { findRoute, routes } from '../../src/interactions/routes.ts';
import { operations } from '../../src/operations/catalog.ts';
import { operationNeeds } from '../../src/access/needs.ts';
import type { Method } from '../../src/request.ts';

function route(method: string, path: string): ReturnType<typeof findRoute> {
  const segments = path.split('/').filter((part) => part !== '');
  return findRoute({ method: method as Method, segments, query: [], headers: {}, body: undefined });
}

const cases: [string, string, string][] = [
  ['GET', 'metadata', 'capabilities'],
  ['OPTIONS', '', 'capabilities'],
  ['POST', '', 'batch'],
  ['GET', '', 'search-system'],
  ['POST', '_search', 'search-system'],
  ['GET', '_history', 'history-system'],
  ['GET', 'Patient', 'search-type'],
  ['POST', 'Patient/_search', 'search-type'],
  ['POST', 'Patient', 'create'],
  ['PUT', 'Patient', 'update'],
  ['PATCH', 'Patient', 'patch'],
  ['DELETE', 'Patient', 'delete'],
  ['GET', 'Patient/_history', 'history-type'],
  ['GET', 'Patient/1', 'read'],
  ['HEAD', 'Patient/1', 'read'],
  ['GET', 'Patient/Observation', 'read'],
  ['PUT', 'Patient/1', 'update'],
  ['PATCH', 'Patient/1', 'patch'],
  ['DELETE', 'Patient/1', 'delete'],
  ['GET', 'Patient/1/_history', 'history-instance'],
  ['GET', 'Patient/1/_history/2', 'vread'],
  ['GET', 'Patient/1/Observation', 'search-type'],
  ['GET', 'Patient/1/*', 'search-system'],
  ['POST', 'Patient/$validate', 'operation'],
  ['GET', 'Patient/1/$everything', 'operation'],
  ['GET', '$meta', 'operation'],
];

describe('routes', () => {
  test.each(cases)('%s /%s is %s', (method, path, interaction) => {
    expect(route(method, path).route.interaction).toBe(interaction);
  });

  test('the cases name every interaction of the table', () => {
    const named = new Set(cases.map(([, , interaction]) => interaction));
    expect(new Set(Object.values(routes).map((one) => one.interaction))).toEqual(named);
  });

  test.each([
    ['DELETE', 'metadata', 405],
    ['PUT', 'Patient/1/_history/1', 405],
    ['POST', 'Patient/1', 405],
    ['GET', 'Nothing', 404],
    ['GET', 'patient/1', 404],
    ['GET', 'Patient/1/Nothing', 404],
    ['GET', 'Patient/1/_history/1/2', 404],
    ['GET', 'Patient/1/2', 404],
    ['GET', 'SubscriptionStatus', 404],
  ])('%s /%s is refused with %d', (method, path, status) => {
    try {
      route(method, path);
      expect('refused').toBe(true);
    } catch (error) {
      expect(error).toBeInstanceOf(OutcomeError);
      expect(statusOf(error as OutcomeError)).toBe(status);
    }
  });

  test('a wrong method is told the right ones', () => {
    expect(() => route('POST', 'Patient/1')).toThrow(
      expect.objectContaining({ headers: { allow: 'GET, HEAD, PUT, PATCH, DELETE' } }),
    );
  });

  test('every operation of the catalogue says what scopes it needs', () => {
    expect(Object.keys(operations).filter((name) => !operationNeeds.has(name))).toEqual([]);
  });
});
