/** The hospital: it registers a patient (ADT), orders tests (OML), and gets the results back (ORU), all over MLLP. */
import { strict as assert } from 'node:assert';
import { object } from '../src/laboratory/terms.ts';
import { codeOf, openSender } from '../test/gateways/mllp-client.ts';
import { openPeer, type Peer } from '../test/gateways/mllp-peer.ts';
import { freePort } from './server.ts';
import { eventually, refer, type Asker, type World } from './world.ts';

export interface Hospital {
  readonly peer: Peer;
  readonly patient: string;
  readonly orders: readonly string[];
  /** The messages of a type that came, when there are so many. */
  received(type: string, count: number): Promise<string[]>;
  stop(): Promise<void>;
}

const tests = [
  ['58410-2', 'Full blood count'],
  ['2823-3', 'Potassium'],
  ['2951-2', 'Sodium'],
  ['14682-9', 'Creatinine'],
] as const;

export async function openHospital(world: World, laboratory: Asker): Promise<Hospital> {
  const { server, tell } = world;
  const [peer, port] = [await openPeer(), await freePort()];
  await server.makhbar(
    ...['interface', 'add', 'demo', '--name', 'Hospital', '--allow', 'loopback', '--port', String(port)],
    ...['--facility', 'HOSPITAL', '--zone', 'Asia/Aden', '--system', 'HOSPITAL=https://hospital.example/mrn'],
    ...['--out', `127.0.0.1:${peer.port}`, '--to-facility', 'HOSPITAL'],
    ...['--send', 'ORU^R01=DiagnosticReport?status=final,amended,corrected'],
  );
  const sender = await eventually('The port of the hospital', () => openSender(port).catch(() => undefined));
  const send = async (type: string, ...segments: string[]): Promise<void> => {
    const [trigger = ''] = type.split('^').slice(1);
    const header = `MSH|^~\\&|HIS|HOSPITAL|MAKHBAR|DEMO|20260131080000||${type}|day-${trigger}|P|2.5.1||||||UNICODE UTF-8`;
    const [answer] = await sender.send([header, ...segments, ''].join('\r'));
    assert.equal(codeOf(answer), 'AA', `The hospital's ${type} was not taken: ${answer}`);
  };
  const pid = 'PID|1||880417^^^HOSPITAL^MR||القاسم^ليلى||19860309|F|||شارع الزبيري^^صنعاء^^^YE||+967 1 555 0101';
  await send('ADT^A04^ADT_A01', 'EVN|A04|20260131080000', pid, 'PV1|1|O|CLINIC^^^HOSPITAL');
  tell('The hospital registered Layla al-Qasim (ليلى القاسم) by ADT^A04; she is a FHIR Patient now.');
  await send(
    'OML^O21^OML_O21',
    pid,
    'PV1|1|O|CLINIC^^^HOSPITAL',
    ...tests.flatMap(([code, name], at) => [
      `ORC|NW|H-${at + 1}|||||||20260131080500|||hassan^Hassan^Huda`,
      `OBR|${at + 1}|H-${at + 1}||${code}^${name}^LN|||||||||||||hassan^Hassan^Huda`,
    ]),
  );
  const found = await eventually('The order', async () => {
    const orders = await laboratory.find('ServiceRequest?patient.identifier=https://hospital.example/mrn|880417');
    return orders.length === tests.length ? orders : undefined;
  });
  const patient = String(object(found[0]?.['subject'])['reference']);
  tell(`It ordered ${tests.map(([, name]) => name.toLowerCase()).join(', ')} by OML^O21.`, `${server.base}/${patient}`);
  return {
    ...{ peer, patient, orders: found.map(refer) },
    received: (type, count) =>
      eventually(`${count} ${type} at the hospital`, () => {
        const texts = peer.taken.map(({ text }) => text).filter((text) => text.split('|')[8]?.startsWith(type));
        return Promise.resolve(texts.length >= count ? texts : undefined);
      }),
    stop: async () => {
      sender.close();
      await peer.stop();
    },
  };
}
