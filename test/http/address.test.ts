/** Which laboratory a URL means, and under which address the caller sees it (DESIGN, interface). */
import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from '@jest/globals';
import { addressOf, callerAddress, trustedProxies } from '../../src/http/address.ts';

function request(url: string, headers: Record<string, string> = {}, remoteAddress = '203.0.113.9'): IncomingMessage {
  return {
    url,
    headers: { host: 'lab.test:8080', ...headers },
    socket: { remoteAddress },
  } as unknown as IncomingMessage;
}

const nobody = trustedProxies('');

describe('address', () => {
  const forwarded = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'fhir.example.org' };
  test.each([
    ['path', '/demo/fhir/Patient/1', {}, {}, 'demo', 'http://lab.test:8080/demo'],
    ['PUBLIC_URL', '/demo/fhir', { publicUrl: 'https://x.test/lis' }, {}, 'demo', 'https://x.test/lis/demo'],
    ['forwarded, not trusted', '/demo/fhir', {}, forwarded, 'demo', 'http://lab.test:8080/demo'],
    ['forwarded, trusted', '/demo/fhir', { trusted: () => true }, forwarded, 'demo', 'https://fhir.example.org/demo'],
    ['subdomain', '/fhir/Patient', { baseDomain: 'x.test' }, { host: 'demo.x.test' }, 'demo', 'http://demo.x.test'],
    [
      'subdomain behind TLS',
      '/fhir/Patient',
      { baseDomain: 'x.test', publicUrl: 'https://x.test' },
      { host: 'demo.x.test' },
      'demo',
      'https://demo.x.test',
    ],
    [
      'subdomain at a port of the caller’s choice',
      '/fhir/Patient',
      { baseDomain: 'X.test', publicUrl: 'https://x.test:8443/lis' },
      { host: 'DEMO.x.test:99' },
      'demo',
      'https://demo.x.test:8443',
    ],
    ['upper case', '/demo/fhir', {}, { host: 'LAB.Test:8080' }, 'demo', 'http://lab.test:8080/demo'],
    ['absolute form', 'http://lab.test:8080/demo/fhir/Patient/1?a=1', {}, {}, 'demo', 'http://lab.test:8080/demo'],
    [
      'the base domain itself',
      '/demo/fhir',
      { baseDomain: 'x.test' },
      { host: 'x.test' },
      'demo',
      'http://x.test/demo',
    ],
  ])('%s', (_name, url, options, headers, tenant, root) => {
    const settings = { publicUrl: undefined, baseDomain: undefined, trusted: nobody, ...options };
    expect(addressOf(request(url, headers), settings)).toMatchObject({ tenant, root });
  });

  test.each(['a b', 'a"b', 'a/b', 'a?b', 'user@a', '[::1', 'a:99999', 'a,b', 'a;b', '256.256.256.256', '', ' '])(
    'Host "%s" is none',
    (host) => {
      const settings = { publicUrl: undefined, baseDomain: undefined, trusted: nobody };
      expect(() => addressOf(request('/demo/fhir', { host }), settings)).toThrow(/header Host/);
    },
  );

  test.each(['localhost', '127.0.0.1:80', '[::1]:8080', 'lab_1.test', 'xn--mgbh0fb.test', 'lab.test.'])(
    'Host "%s" is one',
    (host) => {
      const settings = { publicUrl: undefined, baseDomain: undefined, trusted: nobody };
      expect(addressOf(request('/demo/fhir', { host }), settings).root).toBe(`http://${host}/demo`);
    },
  );

  test('segments and parameters are decoded; broken encoding is refused', () => {
    const settings = { publicUrl: undefined, baseDomain: undefined, trusted: nobody };
    const address = addressOf(request('/demo/fhir/Patient/a%20b?name=%D8%B3+x&a=1&a=2'), settings);
    expect(address.segments).toEqual(['fhir', 'Patient', 'a b']);
    expect(address.query).toEqual([
      ['name', 'س x'],
      ['a', '1'],
      ['a', '2'],
    ]);
    expect(() => addressOf(request('/demo/fhir/%E0%A4%A'), settings)).toThrow(/percent-encoded/);
  });
});

describe('TRUST_PROXY', () => {
  test.each([
    ['', '127.0.0.1', false],
    ['loopback', '127.0.0.9', true],
    ['loopback', '::1', true],
    ['loopback', '::ffff:127.0.0.1', true],
    ['10.0.0.0/8', '10.20.30.40', true],
    ['10.0.0.0/8', '11.0.0.1', false],
    ['192.0.2.7, fd00::/8', 'fd12::1', true],
  ])('%s with %s', (setting, address, trusted) => {
    expect(trustedProxies(setting)(address)).toBe(trusted);
  });

  test("the caller is the nearest address that is not a proxy's", () => {
    const chain = { 'x-forwarded-for': '198.51.100.1, 203.0.113.50, 10.0.0.2' };
    expect(callerAddress(request('/', chain, '10.0.0.1'), trustedProxies('10.0.0.0/8'))).toBe('203.0.113.50');
    expect(callerAddress(request('/', chain, '203.0.113.9'), trustedProxies('10.0.0.0/8'))).toBe('203.0.113.9');
  });
});
