/**
 * SIGKILL while an analyzer sends: between its last frame and the acknowledgement, and between that and the result. What was
 * acknowledged is there after the restart; what was not comes again; nothing is there twice.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { serverOfFile } from '../durability/own-server.ts';
import { clientOf, killServer, startServer, stopServer } from '../durability/process.ts';
import { openInstrument, until } from './astm-instrument.ts';

const own = serverOfFile('analyzers');

async function restart(): Promise<number> {
  const server = createServer().listen(0);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  own.running = await startServer(own.dataDir, { ASTM_PORT: String(port) });
  return port;
}

/** Controls: no specimen has to be known. */
function control(name: string): string[] {
  return [
    'H|\\^&|||Chem|||||||P|LIS2-A2',
    'P|1',
    `O|1|${name}||^^^GLU|R||20260301093000||||Q`,
    'R|1|^^^GLU|5.00|mmol/L||N||F||||20260301101300',
    'L|1|N',
  ];
}

test('killing the server loses no result whose last frame was acknowledged, and doubles none', async () => {
  await stopServer(own.running);
  const instrument = await openInstrument(await restart());
  const closed = new Promise<string>((done) => instrument.socket.once('close', () => done('')));
  const [acknowledged, run]: [string[], string] = [[], randomBytes(4).toString('hex')];
  const sending = (async (): Promise<string> => {
    for (let i = 0; ; i++) {
      const trace = await Promise.race([instrument.send(control(`QC-${run}-${i}`)).catch(() => ''), closed]);
      if (!/^A+$/.test(trace)) return `QC-${run}-${i}`;
      acknowledged.push(`QC-${run}-${i}`);
    }
  })();
  await until(
    () => Promise.resolve(acknowledged.length),
    (count) => count >= 3,
  );
  await pause(Math.random() * 500);
  await killServer(own.running, false);
  const unanswered = await sending;
  const again = await openInstrument(await restart());
  const all = [...acknowledged, unanswered];
  for (const name of [...acknowledged.slice(-2), unanswered]) expect(await again.send(control(name))).toMatch(/^A+$/);
  again.socket.destroy();
  const client = await clientOf(own.running);
  const results = async (): Promise<string[]> => {
    const { text } = await client.send('GET', 'Observation?category=quality-control&_count=1000&_elements=identifier');
    return text.match(new RegExp(`QC-${run}-\\d+(?=\\|)`, 'g')) ?? [];
  };
  const found = await until(results, ({ length }) => length >= all.length);
  expect(found.toSorted()).toEqual(all.toSorted());
}, 300_000);
