/** Every variable: a usable value, and unusable ones with the sentence that stops the start. */
import { chmodSync, mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { loadEnvironment, readConfig, variables, type Config } from '../../src/config.ts';

const folder = mkdtempSync(join(tmpdir(), 'makhbar-config-'));
const pem = join(folder, 'a.pem');
writeFileSync(pem, '-----BEGIN CERTIFICATE-----\n');
const notPem = join(folder, 'b.pem');
writeFileSync(notPem, 'nothing');
const key = Buffer.alloc(32, 7).toString('base64');

describe('defaults', () => {
  const defaults: Partial<Config> = {
    port: 8080,
    host: '127.0.0.1',
    publicUrl: undefined,
    baseDomain: undefined,
    databaseUrl: undefined,
    dataDir: resolve('data'),
    hl7Port: 2575,
    astmPort: 1394,
    trustProxy: '',
    tls: undefined,
    rateLimit: 0,
    corsOrigins: '*',
    bodyLimit: 64e6,
    binaryLimit: 1e9,
    logLevel: 'info',
    s3: undefined,
    roles: ['http', 'gateways', 'jobs'],
    workers: 1,
  };
  test.each(Object.entries(defaults))('%s', (name, value) => {
    expect(readConfig({})[name as keyof Config]).toEqual(value);
  });

  test('the object cannot be changed', () => {
    const config = readConfig({});
    expect(() => Object.assign(config, { port: 1 })).toThrow(TypeError);
  });

  test('every default is usable and every variable says what it does', () => {
    for (const [name, { does }] of Object.entries(variables))
      expect({ name, does }).toEqual({ name, does: expect.stringMatching(/.{10}/) });
  });
});

test("README's table is the table of variables", () => {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  const rows = [...readme.matchAll(/^\| `([A-Z0-9_]+)` *\| (?:`([^`]*)`)? *\| (.*?) *\|$/gm)].map((row) =>
    row.slice(1),
  );
  const expected = Object.entries(variables).map(([name, { default: initial, does }]) => [
    name,
    initial || undefined,
    does,
  ]);
  expect(rows).toEqual(expected);
});

type Case = [name: keyof typeof variables, written: string, field: keyof Config, value: unknown];
const usable: Case[] = [
  ['PORT', '0', 'port', 0],
  ['PORT', '65535', 'port', 65535],
  ['PUBLIC_URL', 'https://lab.example.org/a/', 'publicUrl', 'https://lab.example.org/a'],
  ['BASE_DOMAIN', 'Lab.Example.org', 'baseDomain', 'lab.example.org'],
  ['DATABASE_URL', 'postgresql://u:p@h/d', 'databaseUrl', 'postgresql://u:p@h/d'],
  ['DATA_DIR', '/srv/x', 'dataDir', '/srv/x'],
  ['TRUST_PROXY', 'loopback, 10.0.0.0/8,::1', 'trustProxy', 'loopback,10.0.0.0/8,::1'],
  ['CORS_ORIGINS', 'none', 'corsOrigins', []],
  ['CORS_ORIGINS', 'https://a.org, http://b:81', 'corsOrigins', ['https://a.org', 'http://b:81']],
  ['BODY_LIMIT', '10MiB', 'bodyLimit', 10 * 2 ** 20],
  ['BODY_LIMIT', '512', 'bodyLimit', 512],
  ['REQUEST_TIMEOUT', '5min', 'requestTimeout', 300_000],
  ['LEASE_TIME', '5s', 'leaseTime', 5_000],
  ['LOG_LEVEL', 'WARN', 'logLevel', 'warn'],
  ['RATE_LIMIT', '600', 'rateLimit', 600],
];
test.each(usable)('%s=%s', (name, written, field, value) => {
  expect(readConfig({ [name]: written })[field]).toEqual(value);
});

const unusable: [name: keyof typeof variables, written: string, rule: RegExp][] = [
  ['PORT', '70000', /^PORT=70000 is not usable: it must be a whole number from 0 to 65535\.$/],
  ['PORT', '80a', /PORT=80a/],
  ['PORT', '-1', /PORT=-1/],
  ['HL7_PORT', '1e3', /HL7_PORT=1e3/],
  ['PUBLIC_URL', 'lab.example.org', /PUBLIC_URL=lab.example.org is not usable: it must be an http or https address/],
  ['PUBLIC_URL', 'https://x/?a', /PUBLIC_URL/],
  ['BASE_DOMAIN', 'lab.example.org:80', /without port/],
  ['DATABASE_URL', 'mysql://root:hidden@h/d', /^DATABASE_URL is not usable: it must be an address such as postgres:/],
  ['TRUST_PROXY', '10.0.0.0/33', /TRUST_PROXY/],
  ['TRUST_PROXY', 'true', /networks such as 10.0.0.0\/8/],
  ['TLS_KEY', join(folder, 'none.pem'), /the file cannot be read \(ENOENT\)/],
  ['TLS_CERT', notPem, /not in PEM format/],
  ['TLS_KEY', pem, /TLS_KEY and TLS_CERT go together/],
  ['RATE_LIMIT', 'many', /RATE_LIMIT=many/],
  ['CORS_ORIGINS', 'https://a.org/', /CORS_ORIGINS/],
  ['BODY_LIMIT', '0', /BODY_LIMIT=0/],
  ['BODY_LIMIT', '1 parsec', /a size such as/],
  ['REQUEST_TIMEOUT', '30', /a duration such as/],
  ['LEASE_TIME', '2s', /a duration from 3s to 1h/],
  ['LEASE_TIME', '2h', /a duration from 3s to 1h/],
  ['STATEMENT_TIMEOUT', '999999h', /STATEMENT_TIMEOUT/],
  ['KEY_ENCRYPTION_KEY', 'c2hvcnQ=', /^KEY_ENCRYPTION_KEY is not usable: it must be 32 bytes/],
  ['S3_ENDPOINT', 'https://s3.example.org/bucket', /needs S3_ACCESS_KEY_ID/],
  ['LOG_LEVEL', 'loud', /must be one of trace, debug/],
];
test.each(unusable)('%s=%s is refused', (name, written, rule) => {
  expect(() => readConfig({ [name]: written })).toThrow(rule);
});

test.each(['DATABASE_URL', 'KEY_ENCRYPTION_KEY'])('%s is a secret and never quoted', (name) => {
  expect(() => readConfig({ [name]: 'xx://root:hidden@h' })).toThrow(
    expect.not.objectContaining({ message: expect.stringContaining('hidden') }),
  );
});

describe('key-encryption key', () => {
  test('the one of the environment', () => {
    expect(readConfig({ KEY_ENCRYPTION_KEY: key, DATA_DIR: '/nowhere' }).keyEncryptionKey()).toEqual(
      Buffer.alloc(32, 7),
    );
  });

  test('made once under DATA_DIR, closed to others', () => {
    const dataDir = join(folder, 'keyed');
    const first = readConfig({ DATA_DIR: dataDir }).keyEncryptionKey();
    expect(readConfig({ DATA_DIR: dataDir }).keyEncryptionKey()).toEqual(first);
    expect(first).toHaveLength(32);
    expect(statSync(join(dataDir, 'key-encryption-key')).mode & 0o777).toBe(0o600);
  });

  test('a damaged file is refused and not replaced', () => {
    const dataDir = mkdtempSync(join(folder, 'damaged-'));
    writeFileSync(join(dataDir, 'key-encryption-key'), 'short');
    expect(() => readConfig({ DATA_DIR: dataDir }).keyEncryptionKey()).toThrow(/is damaged/);
    expect(readFileSync(join(dataDir, 'key-encryption-key'), 'utf8')).toBe('short');
  });
});

test('the environment wins over .env, and a variable set to nothing does not count', () => {
  writeFileSync(join(folder, '.env'), 'PORT=1\nHOST=::1\nHL7_PORT=3\n');
  chmodSync(join(folder, '.env'), 0o600);
  expect(loadEnvironment(folder, { PORT: '2', HOST: '' })).toEqual({ PORT: '2', HOST: '::1', HL7_PORT: '3' });
});
