/**
 * The examples of the specification, one or two of each type, through the server and back: stored by PUT, read as JSON
 * with every digit and character, read as XML, stored from that XML, and read as JSON once more.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { connect, type Client } from '../../conformance/client.ts';
import { makeLaboratory } from '../server.ts';

const archive = new URL('../../../shared/data/r4-examples.tar.gz', import.meta.url).pathname;
const folder = existsSync(archive) ? mkdtempSync(join(tmpdir(), 'makhbar-examples-')) : undefined;
if (folder !== undefined) {
  execFileSync('tar', ['xzf', archive, '-C', folder]);
}
afterAll(() => {
  if (folder !== undefined) rmSync(folder, { recursive: true });
});

/** Without it `describe` would find no test and fail; so the reason is said. */
const names = folder === undefined ? [] : readdirSync(folder).filter((name) => name.endsWith('.json'));
const described = folder === undefined ? describe.skip : describe;

/** Examples that the specification itself makes wrong, and what is said of them. */
const wrong: Readonly<Record<string, string>> = {
  'DeviceMetric-example.json': 'DeviceMetric.parent.reference',
  'DeviceUseStatement-example.json': 'DeviceUseStatement.reasonReference[0].reference',
  'EventDefinition-example.json': 'EventDefinition.text.div',
};

/** Needs what its securityContext names, and its base64 has white space, which a store of bytes does not keep. */
const apart = 'Binary-example.json';

let client: Client;

beforeAll(async () => {
  const { base, token } = await makeLaboratory();
  client = connect(base, token);
});

/** The document with each number as its text, and without what the server owns. */
function exact(text: string): Record<string, unknown> {
  // The third argument of a reviver is in the language, not yet in TypeScript's library.
  const reviver = (_key: string, value: unknown, context?: { source?: string }): unknown =>
    typeof value === 'number' ? { number: context?.source } : value;
  const resource = JSON.parse(text, reviver) as { meta?: Record<string, unknown> };
  const { versionId: _version, lastUpdated: _time, ...meta } = resource.meta ?? {};
  const { meta: _meta, ...rest } = resource;
  return Object.keys(meta).length > 0 ? { ...rest, meta } : rest;
}

described(
  `examples of the specification${folder === undefined ? ' (skipped: ../shared/data/r4-examples.tar.gz is not here)' : ''}`,
  () => {
    const logged = names.filter((name) => name.startsWith('AuditEvent-'));
    const right = names.filter((name) => name !== apart && wrong[name] === undefined && !logged.includes(name));

    test.each(logged.length > 0 ? logged : ['none'])('%s is not for anybody to write', async (name) => {
      const body = readFileSync(join(folder ?? '', name), 'utf8');
      const { id } = JSON.parse(body) as { id: string };
      expect((await client.send('PUT', `AuditEvent/${id}`, { body })).status).toBe(405);
    });

    test.each(Object.keys(wrong))('%s is refused for what is wrong with it', async (name) => {
      const body = readFileSync(join(folder ?? '', name), 'utf8');
      const { resourceType } = JSON.parse(body) as { resourceType: string };
      const answer = await client.send('POST', resourceType, { body });
      expect([answer.status >= 400, answer.json.issue[0].expression]).toEqual([true, [wrong[name]]]);
    });

    test.each(right.length > 0 ? right : ['none'])('%s comes back as it was', async (name) => {
      const text = readFileSync(join(folder ?? '', name), 'utf8');
      const sent = JSON.parse(text) as { resourceType: string; id: string };
      const path = `${sent.resourceType}/${sent.id}`;
      const json = { accept: 'application/fhir+json', 'content-type': 'application/fhir+json' };
      const put = await client.send('PUT', path, { body: text, headers: json });
      expect([put.status, put.status === 201 ? '' : put.text.slice(0, 1_000)]).toEqual([201, '']);
      expect(exact((await client.send('GET', path, { headers: json })).text)).toEqual(exact(text));
      const xml = { accept: 'application/fhir+xml', 'content-type': 'application/fhir+xml' };
      const asXml = await client.send('GET', path, { headers: xml });
      expect(asXml.headers.get('content-type')).toMatch(/^application\/fhir\+xml/);
      const again = await client.send('PUT', path, { body: asXml.text, headers: xml });
      expect([again.status, again.status === 200 ? '' : again.text.slice(0, 1_000)]).toEqual([200, '']);
      expect(exact((await client.send('GET', path, { headers: json })).text)).toEqual(exact(text));
    });
  },
);
