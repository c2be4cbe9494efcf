/** `makhbar interface` and `makhbar messages` as an operator runs them, beside the running server. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { queueStatuses } from '../../src/store/outbox.ts';
import { makeAuthority } from '../audit/certificate.ts';
import { eventsOf } from '../audit/log.ts';
import { send, type Json } from '../erasure/laboratory.ts';
import { makeLaboratory, testServer } from '../server.ts';
import { makeBench, message, session } from './bench.ts';
import { codeOf } from './mllp-client.ts';
import { openPeer } from './mllp-peer.ts';

const launcher = new URL('../../src/command/makhbar.js', import.meta.url).pathname;

function makhbar(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const { databaseUrl, dataDir } = testServer();
  const env = { PATH: process.env['PATH'], DATABASE_URL: databaseUrl, DATA_DIR: dataDir };
  return new Promise((done) =>
    execFile(process.execPath, [launcher, ...args], { env, cwd: dataDir }, (error, out, err) =>
      done({ code: Number(error?.code ?? 0), out, err }),
    ),
  );
}

test('an interface is added and listed', async () => {
  const { tenant } = await makeLaboratory();
  const options = ['--name', 'Ward', '--allow', '192.0.2.0/24', '--facility', 'WARD', '--zone', 'Asia/Aden'];
  expect(await makhbar('interface', 'add', tenant.name, ...options)).toMatchObject({ code: 0, err: '' });
  const listed = await makhbar('interface', 'list', tenant.name, '--json');
  expect(JSON.parse(listed.out)).toMatchObject([
    { name: 'Ward', port: 0, allowed: ['192.0.2.0/24'], facility: 'WARD', zone: 'Asia/Aden' },
  ]);
  expect((await makhbar('interface', 'list', tenant.name)).out).toContain('WARD  from 192.0.2.0/24');
}, 60_000);

test('an analyzer is added; what belongs to one is refused without --law', async () => {
  const lab = await makeLaboratory();
  const options = ['--name', 'C303', '--allow', '192.0.2.7', '--test', '2823-3', '--device', 'Device/7'];
  const refused = await makhbar('interface', 'add', lab.tenant.name, ...options);
  expect(refused.code).not.toBe(0);
  expect(refused.err).toContain('--law');
  expect(await makhbar('interface', 'add', lab.tenant.name, ...options, '--law')).toMatchObject({ code: 0, err: '' });
  const found = await (await lab.fetch('Endpoint?name=C303')).text();
  for (const said of ['law', '2823-3', 'Device/7']) expect(found).toContain(`"valueString": "${said}"`);
}, 60_000);

test('a message that failed is listed, shown, mended and replayed; its Task is completed', async () => {
  const made = await makeBench();
  const { lab, sender } = made;
  const identifier = [{ system: 'urn:makhbar:hl7v2:authority:MRN', value: '4711' }];
  const [, second] = await Promise.all(
    [1, 2].map(() => send(lab, 'POST', 'Patient', { resourceType: 'Patient', identifier })),
  );
  const sent = message(made, 'ADT^A04', 'double', 'PID|1||4711^^^MRN^MR||Ali^Omar');
  const [refused] = await sender.send(sent);
  expect(codeOf(refused)).toBe('AE');
  const listed = JSON.parse(
    (await makhbar('messages', 'list', lab.tenant.name, '--status', 'failed', '--json')).out,
  ) as Json[];
  expect(listed).toMatchObject([{ controlId: 'double', status: 'failed' }]);
  const id = String(listed[0]?.['id']);
  const shown = await makhbar('messages', 'show', lab.tenant.name, id);
  expect(shown.out).toContain('more than one Patient');
  expect(shown.out).toContain('PID|1||4711^^^MRN^MR||Ali^Omar');

  await send(lab, 'DELETE', `Patient/${String(second?.['id'])}`);
  expect((await makhbar('messages', 'replay', lab.tenant.name)).out).toBe('1 of 1 messages were applied.\n');
  const replayed = await makhbar('messages', 'list', lab.tenant.name, '--status', 'replayed', '--json');
  expect(JSON.parse(replayed.out)).toMatchObject([{ id, status: 'replayed' }]);
  const found = await send(lab, 'GET', 'Patient?name=Omar');
  expect(found['total']).toBe(1);
  const tasks = await send(lab, 'GET', 'Task?code=urn:makhbar:task|message-error');
  expect((tasks['entry'] as { resource: Json }[])[0]?.resource).toMatchObject({ status: 'completed' });
  // Who sends it again hears that it was applied.
  expect(codeOf((await sender.send(sent))[0])).toBe('AA');
  expect((await makhbar('messages', 'replay', lab.tenant.name, id)).out).toBe('0 of 1 messages were applied.\n');
  sender.close();
}, 90_000);

test('messages go out over TLS with a certificate of this side, from the command line alone', async () => {
  const authority = makeAuthority();
  const [ours, theirs] = ['laboratory', 'hospital'].map((name) => authority.certify(name));
  const tls = { key: theirs?.key, cert: theirs?.certificate, ca: authority.certificate };
  const peer = await openPeer(0, { ...tls, requestCert: true, rejectUnauthorized: true });
  const folder = await mkdtemp(join(tmpdir(), 'makhbar-peer-'));
  const files = { authority: authority.certificate, certificate: ours?.certificate, key: ours?.key };
  const named = await Promise.all(
    Object.entries(files).map(async ([name, pem = '']) => {
      await writeFile(join(folder, name), pem);
      return [`--${name}`, join(folder, name)];
    }),
  );
  const lab = await makeLaboratory();
  // First with a certificate that the peer does not know: until the operator changes it, nothing goes out.
  const strange = makeAuthority().certify('laboratory');
  const wrong = { authority: authority.certificate, certificate: strange.certificate, key: strange.key };
  const first = await Promise.all(
    Object.entries(wrong).map(async ([name, pem]) => {
      await writeFile(join(folder, `first-${name}`), pem);
      return [`--${name}`, join(folder, `first-${name}`)];
    }),
  );
  const out = ['--out', `localhost:${peer.port}`, '--out-tls', '--hl7-version', '2.3.1', '--own-facility', 'NORTH'];
  const rule = ['--send', 'ADT^A28=Patient?active=true', '--system', 'MRN=https://north.example/mrn'];
  const added = await makhbar('interface', 'add', lab.tenant.name, '--name', 'HIS', ...out, ...rule, ...first.flat());
  expect(added).toMatchObject({ code: 0, err: '' });
  const identifier = [{ system: 'https://north.example/mrn', value: '4711' }];
  await send(lab, 'POST', 'Patient', { resourceType: 'Patient', identifier, active: true });
  await send(lab, 'POST', 'Patient', { resourceType: 'Patient', identifier, active: false });
  const failure = async (): Promise<unknown> => (await queueStatuses(session(lab)))[0]?.failure;
  for (const end = Date.now() + 120_000; (await failure()) === undefined && Date.now() < end;) await pause(100);
  expect(await failure()).toEqual(expect.any(String));
  const keys = named.flat().slice(2);
  expect(await makhbar('interface', 'peer', lab.tenant.name, 'HIS', ...keys)).toMatchObject({ code: 0, err: '' });
  const changes = (await eventsOf(lab)).filter(({ deed }) => deed === 'makhbar interface peer');
  expect(changes.map(({ kind }) => kind)).toEqual(['settings-changed']);
  const [taken] = await peer.wait(1);
  expect(taken?.text).toMatch(
    /^MSH\|\^~\\&\|MAKHBAR\|NORTH\|.*\|ADT\^A28\^ADT_A05\|\w+\|P\|2\.3\.1\|.*\rPID\|1\|\|4711\^\^\^MRN\r/s,
  );
  const sent = async (): Promise<Json[]> =>
    JSON.parse((await makhbar('messages', 'list', lab.tenant.name, '--direction', 'out', '--json')).out) as Json[];
  let listed = await sent();
  for (const end = Date.now() + 120_000; listed[0]?.['status'] !== 'sent' && Date.now() < end;) listed = await sent();
  expect(listed).toMatchObject([{ direction: 'out', status: 'sent', type: 'ADT^A28' }]);
  const queues = JSON.parse((await makhbar('interface', 'list', lab.tenant.name, '--json')).out) as Json[];
  expect(queues).toMatchObject([{ name: 'HIS', queue: { waiting: 0, failed: 0 } }]);
  expect(JSON.stringify(queues)).not.toContain('PRIVATE KEY');
  expect((await makhbar('messages', 'retry', lab.tenant.name)).out).toBe('0 of 0 messages are sent again.\n');
  await peer.stop();
  await rm(folder, { recursive: true });
}, 200_000);

test('an interface is tried out: its port, a sample message, the peer; who asked is told to the log', async () => {
  const lab = await makeLaboratory();
  const name = lab.tenant.name;
  const out = ['--out', `127.0.0.1:${testServer().hl7Port}`, '--send', 'ORU^R01=DiagnosticReport?status=final'];
  // The gateway of the tests has no certificate: it never opens the port.
  const given = ['--name', 'Both', '--allow', 'loopback', '--port', '9', '--tls', '--facility', 'BOTH', ...out];
  expect(await makhbar('interface', 'add', name, ...given)).toMatchObject({ code: 0, err: '' });
  const tried = await makhbar('interface', 'test', name, 'Both');
  expect(tried).toMatchObject({ code: 1, err: '' });
  expect(tried.out).toContain('does NOT listen on port 9');
  expect(tried.out).toContain('a sample message becomes Patient#1');
  // The gateway of the tests takes no such messages, and says so.
  expect(tried.out).toMatch(/answers A[RE] after \d+ ms/);
  expect(await makhbar('interface', 'test', name, 'Nowhere')).toMatchObject({ code: 1, out: '' });
  const events = (await eventsOf(lab)).filter(({ kind }) => kind === 'interface-tested');
  expect(events).toMatchObject([{ deed: 'makhbar interface test' }]);
}, 120_000);

test.each([
  [['interface', 'add', 'x', '--name', 'n'], /--allow.*--out/],
  [['interface', 'add', 'x', '--name', 'n', '--send', 'ADT^A28=Patient'], /--out/],
  [['interface', 'add', 'x', '--name', 'n', '--out', 'h:1', '--key', 'no-such-file'], /cannot be read/],
  [['interface', 'peer', 'x', 'n'], /--authority/],
  [['messages', 'list', 'no-such-laboratory'], /no laboratory/],
  [['interface', 'list', 'no-such-laboratory'], /no laboratory/],
])('%j is refused', async (args, sentence) => {
  expect(await makhbar(...args)).toMatchObject({ code: 1, err: expect.stringMatching(sentence) });
});
