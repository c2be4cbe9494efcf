/** $verify and $proof over HTTP: what is right, what was changed by hand, who may ask; the script that needs no server. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { makeLaboratory, signIn, type Laboratory } from '../server.ts';
import { putEvents } from './log.ts';
import { tamper } from './owner.ts';

type Json = Record<string, unknown>;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'proof-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

interface Part extends Json {
  readonly name: string;
  readonly part?: readonly Part[];
}

/** A parameter's value or, where it has parts, those by their names. */
function valuesOf(parts: readonly Part[] = []): Json {
  return Object.fromEntries(
    parts.map(({ name, part, ...value }) => [name, part === undefined ? Object.values(value)[0] : valuesOf(part)]),
  );
}

async function ask(lab: Laboratory, path: string): Promise<{ status: number; body: Json }> {
  const response = await lab.fetch(path);
  return { status: response.status, body: (await response.json()) as Json };
}

async function verify(lab: Laboratory, query = ''): Promise<Json> {
  const { status, body } = await ask(lab, `AuditEvent/$verify${query}`);
  expect(status).toBe(200);
  return valuesOf(body['parameter'] as Part[]);
}

/** Once the events that a test put there are sealed. */
async function sealed(lab: Laboratory, ids: readonly string[]): Promise<void> {
  for (const end = Date.now() + 120_000; Date.now() < end; await pause(100)) {
    if ((await ask(lab, `AuditEvent/${ids.at(-1)}/$proof`)).status === 200) return;
  }
  throw new Error('not sealed in time');
}

const at = (day: number): { at: string; patients: string[] } => ({
  at: `2025-01-0${day}T10:00:00Z`,
  patients: ['p'],
});

async function laboratory(): Promise<{ lab: Laboratory; ids: string[] }> {
  const lab = await makeLaboratory();
  const ids = await putEvents(lab.tenant.id, [at(1), at(2), at(3), at(4), at(5)]);
  await sealed(lab, ids);
  return { lab, ids };
}

test('a log as it was written, and one that was changed', async () => {
  const { lab, ids } = await laboratory();
  const right = await verify(lab);
  expect(right).toMatchObject({ last: { number: expect.any(Number), hash: expect.stringMatching(/^[0-9a-f]{64}$/) } });
  expect(right['events']).toBeGreaterThanOrEqual(5);
  expect(right).not.toHaveProperty('finding');
  await tamper('update audit_event set outcome = 8 where tenant_id = $1 and id = $2', lab.tenant.id, ids[2]);
  const finding = { event: { reference: `AuditEvent/${ids[2]}` }, sentence: expect.stringMatching(/was altered/) };
  expect(await verify(lab)).toMatchObject({ finding });
  expect(await verify(lab, '?from=2025-01-03&to=2025-01-03')).toMatchObject({ finding });
  // Its seal has no event of that time.
  expect(await verify(lab, '?from=2024-01-01&to=2024-12-31')).not.toHaveProperty('finding');
  expect((await ask(lab, `AuditEvent/${ids[2]}/$proof`)).status).toBe(409);
});

test('an event taken out and a seal taken out', async () => {
  const { lab, ids } = await laboratory();
  // Under a seal that follows.
  await sealed(lab, await putEvents(lab.tenant.id, [at(6)]));
  await tamper('delete from audit_event where tenant_id = $1 and id = $2', lab.tenant.id, ids[1]);
  expect(await verify(lab)).toMatchObject({ finding: { sentence: expect.stringMatching(/missing before/) } });
  await tamper('delete from audit_seal where tenant_id = $1 and number = 1', lab.tenant.id);
  expect(await verify(lab)).toMatchObject({ finding: { seal: 1, sentence: 'Seal 1 is missing.' } });
});

test('it is an event of its own', async () => {
  const lab = await makeLaboratory();
  await verify(lab);
  const { body } = await ask(lab, 'AuditEvent?subtype=audit-verified');
  expect(body['entry']).toHaveLength(1);
});

describe('who may ask', () => {
  test.each([
    ['system/AuditEvent.rs', 200],
    ['system/AuditEvent.r', 403],
    ['system/AuditEvent.s', 403],
    ['system/AuditEvent.rs?outcome=8', 403],
    ['system/Patient.rs', 403],
  ])('$verify: %s', async (scopes, status) => {
    const { tenant } = await makeLaboratory();
    expect((await ask(await signIn(tenant, scopes), 'AuditEvent/$verify')).status).toBe(status);
  });

  test.each(['from=yesterday', 'to=2025-13-01', 'from=2025&from=2026', 'what=ever'])('$verify?%s', async (query) => {
    expect((await ask(await makeLaboratory(), `AuditEvent/$verify?${query}`)).status).toBe(400);
  });

  test('a proof is for those who may read the event', async () => {
    const { lab, ids } = await laboratory();
    const other = await makeLaboratory();
    expect((await ask(other, `AuditEvent/${ids[0]}/$proof`)).status).toBe(404);
    const bound = await signIn(lab.tenant, 'system/AuditEvent.r?outcome=8');
    expect((await ask(bound, `AuditEvent/${ids[0]}/$proof`)).status).toBe(404);
    expect((await ask(await signIn(lab.tenant, 'system/AuditEvent.s'), `AuditEvent/${ids[0]}/$proof`)).status).toBe(
      403,
    );
  });
});

function check(...args: string[]): Promise<{ code: number; text: string }> {
  const script = join(import.meta.dirname, '../../conformance/verify-proof.js');
  return new Promise((done) =>
    execFile(process.execPath, [script, ...args], (error, stdout, stderr) =>
      done({ code: Number(error?.code ?? 0), text: stdout + stderr }),
    ),
  );
}

async function file(name: string, content: unknown): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, JSON.stringify(content));
  return path;
}

test('a proof holds without the server, and none that was changed does', async () => {
  const { lab, ids } = await laboratory();
  const { hash, number } = (await verify(lab))['last'] as { hash: string; number: number };
  for (const id of ids) {
    const { body: proof } = await ask(lab, `AuditEvent/${id}/$proof`);
    const event = await file('event.json', (await ask(lab, `AuditEvent/${id}`)).body);
    const whole = await file('proof.json', proof);
    expect(await check(whole, '--event', event)).toMatchObject({ code: 0, text: expect.stringContaining(id) });
  }
  const { body: proof } = await ask(lab, `AuditEvent/${ids[0]}/$proof`);
  const parts = proof['parameter'] as Part[];
  const changed = (name: string, change: (value: string) => string): Json => ({
    ...proof,
    parameter: parts.map((part) => {
      const [member = ''] = Object.keys(part).filter((key) => key.startsWith('value'));
      return part.name === name ? { ...part, [member]: change(String(part[member])) } : part;
    }),
  });
  const bad: readonly [Json, RegExp][] = [
    [changed('event', (text) => text.replace('"outcome":"0"', '"outcome":"8"')), /does not lead to the root/],
    [changed('event', (text) => `${text} `), /canonical form/],
    [changed('seal', (text) => text.replace('"count":', '"count":1')), /not signed/],
    [changed('signature', (text) => text.replace(/^..../, 'AAAA')), /not signed/],
    [{ ...proof, parameter: [] }, /has no parameter "event"/],
  ];
  for (const [content, sentence] of bad) {
    expect(await check(await file('bad.json', content))).toMatchObject({
      code: 1,
      text: expect.stringMatching(sentence),
    });
  }
  const whole = await file('proof.json', proof);
  const otherEvent = await file('other.json', (await ask(lab, `AuditEvent/${ids[1]}`)).body);
  expect((await check(whole, '--event', otherEvent)).code).toBe(1);
  expect((await check(whole, '--seal', '0'.repeat(64))).code).toBe(1);
  const seal = JSON.parse(String(valuesOf(parts)['seal'])) as { number: number };
  if (seal.number === number) expect((await check(whole, '--seal', hash)).code).toBe(0);
}, 60_000);
