/** An analyzer on a serial line, as an operator gives it to a laboratory: from its frames to a search, and its question. */
import type { Duplex } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, expect, test } from '@jest/globals';
import { serialAddress } from '../../src/astm/serial-address.ts';
import { control } from '../../src/astm/frame.ts';
import { astmEndpoint } from '../../src/gateways/astm/settings.ts';
import { openSerial } from '../../src/gateways/astm/serial.ts';
import { analyzer } from '../astm/simulator.ts';
import { noTerminals, terminals, type Terminals } from '../astm/terminals.ts';
import { serverOfFile } from '../durability/own-server.ts';
import { clientOf, startServer, stopServer } from '../durability/process.ts';

const { ENQ, EOT } = control;
const missing = noTerminals();
if (missing !== undefined) process.stderr.write(`test/gateways/astm-serial skipped: ${missing}\n`);

const own = serverOfFile('serial');
let cable: Terminals | undefined;
afterAll(() => cable?.close());

/** Until the server has opened its end: what is said before is heard by nobody. */
async function untilHeard(line: Duplex): Promise<void> {
  let heard = false;
  const note = (): void => void (heard = true);
  line.on('data', note);
  for (const end = Date.now() + 120_000; !heard && Date.now() < end; await pause(1_000)) line.write(Buffer.of(ENQ));
  line.write(Buffer.of(EOT));
  await pause(500);
  line.off('data', note);
}

(missing === undefined ? test : test.skip)(
  'results of a serial line are found, and its question is answered',
  async () => {
    cable = await terminals();
    const [theirs, ours] = cable.paths;
    await stopServer(own.running);
    own.running = await startServer(own.dataDir, { SERIAL_LINES: `demo:${ours}` });
    const client = await clientOf(own.running);
    const create = async (body: object): Promise<string> => {
      const { status, json } = await client.send('POST', String((body as { resourceType: string }).resourceType), {
        body,
      });
      expect([status, json]).toEqual([201, expect.anything()]);
      return String(json.id);
    };
    const subject = { reference: `Patient/${await create({ resourceType: 'Patient', name: [{ family: 'حداد' }] })}` };
    const accessionIdentifier = { value: 'S-100' };
    const specimen = await create({ resourceType: 'Specimen', accessionIdentifier, status: 'available', subject });
    for (const code of ['2345-7', '2160-0']) {
      await create({
        ...{ resourceType: 'ServiceRequest', status: 'active', intent: 'order', subject },
        code: { coding: [{ system: 'http://loinc.org', code }] },
        specimen: [{ reference: `Specimen/${specimen}` }],
      });
    }
    const law = { tests: ['2345-7', '2160-0'] };
    await create(astmEndpoint({ name: 'Old analyzer', address: `serial://${ours}`, allowed: [], law }));

    const line = await openSerial(serialAddress(`serial://${theirs}`)!);
    await untilHeard(line);
    const instrument = analyzer(line);
    const asked = await instrument.ask('S-100');
    expect(asked.filter((record) => record.startsWith('O')).join()).toMatch(/2345-7.*2160-0|2160-0.*2345-7/);
    const records = ['H|\\^&|||Old', 'P|1', 'O|1|S-100||^^^2345-7|R', 'R|1|^^^2345-7|5.40|mmol/L||N||F', 'L|1|N'];
    expect(await instrument.send(records)).toBe('A'.repeat(records.length + 1));
    let found: { total?: number; entry?: { resource: unknown }[] } = {};
    for (const end = Date.now() + 120_000; Date.now() < end && found.total !== 1; await pause(100)) {
      ({ json: found } = await client.send('GET', `Observation?subject=${subject.reference}&_total=accurate`));
    }
    expect(found.entry?.[0]?.resource).toMatchObject({ status: 'final', valueQuantity: { unit: 'mmol/L' } });
    line.destroy();
  },
);
