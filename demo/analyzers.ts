/**
 * Two analyzers: one for blood counts that asks for its work by ASTM (LIS02-A2 host query), one for chemistry that asks by IHE
 * LAW (LAB-27). Both call tests by codes of their own, which ConceptMaps of the laboratory map to LOINC.
 */
import { strict as assert } from 'node:assert';
import { connect } from 'node:net';
import { once } from 'node:events';
import { analyzer as astmAnalyzer } from '../test/astm/simulator.ts';
import { codeOf, openSender } from '../test/gateways/mllp-client.ts';
import { freePort } from './server.ts';
import { eventually, refer, type Asker, type World } from './world.ts';

export interface Analyzer {
  /** Device/… */
  readonly device: string;
  /** Asks for the work of a tube. @returns the codes of the tests that it is told to do */
  ask(tube: string): Promise<string[]>;
  /** Sends results of a tube: code, value, unit. */
  report(tube: string, results: readonly Measured[]): Promise<void>;
  /** Sends results of control material: code, value, unit. */
  control(material: string, results: readonly Measured[]): Promise<void>;
  stop(): void;
}

/** Of the analyzers, which are in Aden: three hours ahead of UTC. A control counts for a day. */
function clock(): string {
  return new Date(Date.now() + 3 * 3_600_000).toISOString().replaceAll(/\D/g, '').slice(0, 14);
}

export type Measured = readonly [code: string, value: string, unit: string, flag?: string];

/** A ConceptMap of the laboratory from an analyzer's codes to LOINC. @returns its canonical URL */
export async function mapOf(
  administrator: Asker,
  name: string,
  codes: Readonly<Record<string, string>>,
): Promise<string> {
  const url = `https://demo.example/ConceptMap/${name}`;
  const element = Object.entries(codes).map(([code, target]) => ({
    code,
    target: [{ code: target, equivalence: 'equivalent' }],
  }));
  await administrator.post('ConceptMap', {
    ...{ resourceType: 'ConceptMap', url, status: 'active', title: `Codes of the ${name}` },
    group: [{ target: 'http://loinc.org', element }],
  });
  return url;
}

const bloodCodes = {
  ...{ CBC: '58410-2', WBC: '6690-2', RBC: '789-8', HGB: '718-7', HCT: '4544-3', MCV: '787-2', MCH: '785-6' },
  ...{ MCHC: '786-4', 'RDW-CV': '788-0', PLT: '777-3', MPV: '32623-1' },
};

const chemistryCodes = { K: '2823-3', NA: '2951-2', CREA: '14682-9' };

/** Device/… of an analyzer. */
export async function deviceOf(technician: Asker, name: string, serial: string): Promise<string> {
  const made = await technician.post('Device', {
    ...{ resourceType: 'Device', status: 'active', deviceName: [{ name, type: 'user-friendly-name' }] },
    identifier: [{ system: 'urn:serial-number', value: serial }],
  });
  return refer(made);
}

interface Opening {
  readonly administrator: Asker;
  readonly technician: Asker;
}

export async function openBloodCounter({ server }: World, { administrator, technician }: Opening): Promise<Analyzer> {
  const [device, map, port] = [
    await deviceOf(technician, 'Blood counter', 'BC-1'),
    await mapOf(administrator, 'blood-counter', bloodCodes),
    await freePort(),
  ];
  await server.makhbar(
    ...['interface', 'add', 'demo', '--astm', '--name', 'Blood counter', '--allow', 'loopback', '--port', String(port)],
    ...['--concept-map', map, '--device', device, '--zone', 'Asia/Aden'],
  );
  const socket = await eventually('The port of the blood counter', async () => {
    const opened = connect(port, '127.0.0.1');
    return await once(opened, 'connect').then(
      () => opened,
      () => undefined,
    );
  });
  const line = astmAnalyzer(socket);
  const send = async (patient: readonly string[], results: readonly Measured[], time: string): Promise<void> => {
    const records = [
      'H|\\^&|||Counter^1.0|||||||P|LIS2-A2|20260131090000',
      ...patient,
      ...results.map(
        ([code, value, unit, flag = ''], at) => `R|${at + 1}|^^^${code}|${value}|${unit}||${flag}||F||||${time}`,
      ),
      'L|1|N',
    ];
    assert.match(await line.send(records), /^A+$/);
  };
  return {
    device,
    ask: async (tube) => {
      const records = await line.ask(tube);
      const orders = records.filter((record) => record.startsWith('O'));
      return orders.flatMap((order) =>
        [...(order.split('|')[4] ?? '').matchAll(/\^\^\^([^\\^]+)/g)].map(([, code = '']) => code),
      );
    },
    report: (tube, results) => send(['P|1', `O|1|${tube}||^^^CBC|R`], results, '20260131090000'),
    control: (material, results) => send(['P|1', `O|1|${material}||^^^CBC|R||||||Q`], results, clock()),
    stop: () => socket.destroy(),
  };
}

export async function openChemistry({ server }: World, { administrator, technician }: Opening): Promise<Analyzer> {
  const [device, map, port] = [
    await deviceOf(technician, 'Chemistry analyzer', 'CA-1'),
    await mapOf(administrator, 'chemistry-analyzer', chemistryCodes),
    await freePort(),
  ];
  await server.makhbar(
    ...['interface', 'add', 'demo', '--law', '--name', 'Chemistry', '--allow', 'loopback', '--port', String(port)],
    ...['--concept-map', map, '--device', device, '--zone', 'Asia/Aden'],
  );
  const sender = await eventually('The port of the chemistry analyzer', () => openSender(port).catch(() => undefined));
  let count = 0;
  const say = (type: string, mode: string, ...segments: readonly string[]): string =>
    [
      `MSH|^~\\&|CHEM|ANALYZER|LIS|LAB|20260131090000||${type}|law-${++count}|P|2.5.1|||${mode}||UNICODE UTF-8`,
      ...segments,
      '',
    ].join('\r');
  /** Of each order that it was given: its number, by tube and code. */
  const numbers = new Map<string, string>();
  const report = async (
    tube: string,
    results: readonly Measured[],
    [role, time]: readonly [string, string] = ['P', '20260131090000'],
  ): Promise<void> => {
    const groups = results.flatMap(([code, value, unit, flag = ''], at) => [
      `OBR|${at + 1}|${numbers.get(`${tube} ${code}`) ?? '""'}||${code}`,
      `OBX|1|NM|${code}|1|${value}|${unit}^^UCUM||${flag}|||F|||||||CHEM^MAKER~CA-1^MAKER|${time}`,
    ]);
    const [answer] = await sender.send(
      say('OUL^R22^OUL_R22', 'NE|AL', `SPM|1|${tube}||SER^Serum^HL70487|||||||${role}`, ...groups),
    );
    assert.equal(codeOf(answer), 'AA', `The results were not taken: ${answer}`);
  };
  return {
    device,
    ask: async (tube) => {
      const [, work = ''] = await sender.send(
        say(
          'QBP^Q11^QBP_Q11',
          'NE|AL',
          `QPD|WOS^Work Order Step^IHELAW|q${count}|${tube}`,
          'RCP|I||R^Real Time^HL70394',
        ),
        2,
      );
      const orders = work.split('\r').flatMap((line) => {
        const fields = line.split('|');
        return fields[0] === 'OBR' ? [{ number: fields[2] ?? '', code: fields[4]?.split('^')[0] ?? '' }] : [];
      });
      for (const { number, code } of orders) numbers.set(`${tube} ${code}`, number);
      const taken = orders.flatMap(({ number, code }) => [`ORC|OK|${number}`, `OBR||${number}||${code}`]);
      const specimen = work.split('\r').filter((line) => /^(SPM|SAC)\|/.test(line));
      await sender.send(say('ORL^O34^ORL_O42', 'NE|NE', `MSA|AA|${work.split('|')[9]}`, ...specimen, ...taken), 0);
      return orders.map(({ code }) => code);
    },
    report,
    control: (material, results) => report(material, results, ['Q^Control^HL70369', clock()]),
    stop: () => sender.close(),
  };
}
