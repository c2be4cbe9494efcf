/** Local codes of a sender and the ConceptMaps of its interface. */
import { execFile } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { mappedBy } from '../../src/gateways/concept-maps.ts';
import { listMessages } from '../../src/store/messages.ts';
import { send, type Json } from '../erasure/laboratory.ts';
import { testServer, type Laboratory } from '../server.ts';
import { makeBench, message, session, type Bench } from './bench.ts';
import { codeOf } from './mllp-client.ts';

const launcher = new URL('../../src/command/makhbar.js', import.meta.url).pathname;

async function makhbar(...args: string[]): Promise<string> {
  const { databaseUrl, dataDir } = testServer();
  const env = { PATH: process.env['PATH'], DATABASE_URL: databaseUrl, DATA_DIR: dataDir };
  return new Promise((done, fail) =>
    execFile(process.execPath, [launcher, ...args], { env, cwd: dataDir }, (error, out) =>
      error === null ? done(out) : fail(error as Error),
    ),
  );
}

const local = 'urn:makhbar:hl7v2:code:99LAB';
const loinc = { system: 'http://loinc.org', code: '2823-3', display: 'Potassium' };

function map(url: string, equivalence = 'equivalent', code = 'K'): Json {
  const { system, ...target } = loinc;
  const element = [{ code, target: [{ ...target, equivalence }] }];
  return { resourceType: 'ConceptMap', url, status: 'active', group: [{ source: local, target: system, element }] };
}

describe('a mapping', () => {
  test.each([
    ['of the same', [map('urn:a')], ['urn:a'], loinc],
    ['of what is only related', [map('urn:a', 'relatedto')], ['urn:a'], undefined],
    ['of a map that the interface does not name', [map('urn:a')], ['urn:b'], undefined],
    ['of a map that is retired', [{ ...map('urn:a'), status: 'retired' }], ['urn:a'], undefined],
    ['of another code', [map('urn:a', 'equal', 'NA')], ['urn:a'], undefined],
  ])('%s', (_, maps, named, expected) => {
    expect(mappedBy(maps as Parameters<typeof mappedBy>[0], named)(local, 'K')).toEqual(expected);
  });
});

function result(made: Bench, id: string, value: string, status = 'F'): string {
  return message(
    made,
    'ORU^R01',
    id,
    'PID|1||4711^^^MRN^MR||Ali^Omar',
    'OBR|1||F-1^LIS|24323-8^CMP^LN|||20260131080000||||||||||||||||||F',
    `OBX|1|NM|K^Kalium^99LAB||${value}|mmol/L^^UCUM|||||${status}`,
  );
}

async function observation(lab: Laboratory): Promise<Json> {
  const { entry } = (await send(lab, 'GET', `Observation?code=${local}|K`)) as { entry: { resource: Json }[] };
  return entry[0]?.resource ?? {};
}

test('an unmapped code is told and listed; once mapped, what was applied gets the coding and loses nothing', async () => {
  const made = await makeBench();
  const { lab, sender } = made;
  const [answer] = await sender.send(result(made, 'u1', '4.1'));
  expect(codeOf(answer)).toBe('AA');
  expect(answer).not.toContain('ERR');
  expect(answer).not.toContain('Kalium');
  const listed = JSON.parse(await makhbar('messages', 'unmapped', lab.tenant.name, '--json')) as Json[];
  expect(listed).toMatchObject([{ system: local, code: 'K', display: 'Kalium', count: 1 }]);

  // Corrected by hand since: the value must not come back.
  const { id, ...before } = await observation(lab);
  await send(lab, 'PUT', `Observation/${String(id)}`, { ...before, id, valueQuantity: { value: 6.2, unit: 'mmol/L' } });
  const [endpoint] = ((await send(lab, 'GET', 'Endpoint')) as { entry: { resource: Json }[] }).entry;
  const { extension, ...rest } = (endpoint?.resource ?? {}) as {
    extension: { url: string; extension: Json[] }[];
    id: string;
  };
  const parts = [...(extension[0]?.extension ?? []), { url: 'conceptMap', valueCanonical: 'urn:test:map' }];
  await send(lab, 'POST', 'ConceptMap', map('urn:test:map'));
  await send(lab, 'PUT', `Endpoint/${rest.id}`, { ...rest, extension: [{ ...extension[0], extension: parts }] });

  expect(await makhbar('messages', 'replay', lab.tenant.name, '--unmapped')).toMatch(/^1 of 1 messages/);
  expect(await observation(lab)).toMatchObject({
    code: { coding: [loinc, { system: local, code: 'K' }] },
    valueQuantity: { value: 6.2 },
  });
  expect(await makhbar('messages', 'unmapped', lab.tenant.name)).toBe('Every local code is mapped.\n');
  expect(await makhbar('messages', 'replay', lab.tenant.name, '--unmapped')).toMatch(/^0 of 0 messages/);

  // Running gateways map what comes from now on.
  for (let i = 0, end = Date.now() + 120_000; Date.now() < end; i++) {
    await sender.send(result(made, `later-${i}`, `7.${i + 1}`, 'C'));
    const [last] = await listMessages(session(lab), { count: 1 });
    if (last?.problems.length === 0) break;
    await pause(300);
  }
  const [last] = await listMessages(session(lab), { count: 1 });
  expect(last?.problems).toEqual([]);
  expect(await observation(lab)).toMatchObject({ code: { coding: [loinc, { system: local, code: 'K' }] } });
  sender.close();
}, 120_000);
