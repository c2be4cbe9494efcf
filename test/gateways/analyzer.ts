/**
 * An analyzer that speaks IHE LAW over real sockets: it asks for work (LAB-27) and reports results (LAB-29) on one connection,
 * and takes work (LAB-28) on a port of its own, where it answers each order as the test says.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Law } from '../../src/gateways/hl7v2/law/settings.ts';
import { interfaceEndpoint } from '../../src/gateways/hl7v2/settings.ts';
import { listMessages } from '../../src/store/messages.ts';
import { testServer, type Laboratory } from '../server.ts';
import { session } from './bench.ts';
import { openSender, type Sender } from './mllp-client.ts';
import { openPeer, type Peer, type Taken } from './mllp-peer.ts';

/** ORC-1 of an ORL: taken, not taken, cancelled, not cancelled. */
export type OrderAnswer = 'OK' | 'UA' | 'CR' | 'UC';

export interface Analyzer {
  /** Id of its Endpoint. */
  readonly id: string;
  readonly sender: Sender;
  readonly peer: Peer;
  /** What it answers to an order: ORC-1 of the message, and OBR-4. */
  answer: (control: string, test: string) => OrderAnswer;
  /** LAB-27; `count` messages that come on the same connection. */
  ask(qpd: string, count?: number): Promise<string[]>;
  /** The same on a connection of its own, on which more may come. */
  askApart(qpd: string, count: number): Promise<string[]>;
  /** LAB-29. */
  report(controlId: string, ...segments: readonly string[]): Promise<string>;
  /** ORL to a message of work, on the connection that it asks by. */
  respond(work: string): Promise<void>;
  /** Messages of work that name this text, when there are `count`. */
  works(naming: string, count?: number): Promise<string[]>;
  stop(): Promise<void>;
}

export interface AnalyzerOf {
  readonly law: Partial<Law>;
  readonly conceptMaps?: readonly string[];
  /** It has a port for LAB-28. */
  readonly listens: boolean;
}

export async function openAnalyzer(lab: Laboratory, { law, listens, conceptMaps = [] }: AnalyzerOf): Promise<Analyzer> {
  const facility = `A${randomBytes(5).toString('hex')}`;
  const [peer, sender] = await Promise.all([openPeer(), openSender(testServer().hl7Port)]);
  const endpoint = interfaceEndpoint({
    ...{ name: 'analyzer', address: 'mllp://localhost', allowed: ['loopback'], facility, zone: 'Asia/Aden' },
    ...{ law, conceptMaps, ...(listens && { out: { to: `mllp://127.0.0.1:${peer.port}`, send: [] } }) },
  });
  const headers = { 'content-type': 'application/fhir+json' };
  const made = await lab.fetch('Endpoint', { method: 'POST', headers, body: JSON.stringify(endpoint) });
  if (made.status !== 201) throw new Error(`The interface was refused: ${await made.text()}`);
  const { id } = (await made.json()) as { id: string };
  const say = (type: string, controlId: string, segments: readonly string[]): string =>
    [
      `MSH|^~\\&|C303|${facility}|LIS|LAB|20260131081500||${type}|${controlId}|P|2.5.1|||NE|AL||UNICODE UTF-8`,
      ...segments,
      '',
    ].join('\r');
  let asked = 0;
  const query = (qpd: string): string =>
    say('QBP^Q11^QBP_Q11', `q${++asked}`, [`QPD|${qpd}`, 'RCP|I||R^Real Time^HL70394']);
  const analyzer: Analyzer = {
    ...{ id, sender, peer },
    answer: (control) => (control === 'CA' ? 'CR' : 'OK'),
    ask: (qpd, count = 1) => sender.send(query(qpd), count),
    askApart: async (qpd, count) => {
      const apart = await openSender(testServer().hl7Port);
      const answers = await apart.send(query(qpd), count);
      apart.close();
      return answers;
    },
    report: async (controlId, ...segments) => (await sender.send(say('OUL^R22^OUL_R22', controlId, segments)))[0] ?? '',
    respond: async (work) => {
      await sender.send(say('ORL^O34^ORL_O42', `l${++asked}`, responseTo(work, analyzer)).replace('NE|AL', 'NE|NE'), 0);
    },
    works: async (naming, count = 1) => {
      for (const end = Date.now() + 120_000; Date.now() < end; await pause(50)) {
        const found = peer.taken.map(({ text }) => text).filter((text) => text.includes(naming));
        if (found.length >= count) return found;
      }
      throw new Error(`No ${count} messages of work name ${naming}: ${peer.taken.length} came.`);
    },
    stop: async () => {
      sender.close();
      await peer.stop();
    },
  };
  peer.react = ({ text }: Taken) => [
    say('ORL^O34^ORL_O42', `l${++asked}`, responseTo(text, analyzer)).replace('NE|AL', 'NE|NE'),
  ];
  // Until the interface works, nobody takes its messages.
  for (const end = Date.now() + 120_000; Date.now() < end; await pause(200)) {
    await sender.send(say('ZZZ^Z00', 'probe', []));
    if ((await listMessages(session(lab), { interface: id, count: 1 })).length > 0) return analyzer;
  }
  throw new Error('The interface did not begin to work.');
}

/** MSA, and for each order what the analyzer says of it. */
function responseTo(work: string, { answer }: Pick<Analyzer, 'answer'>): string[] {
  const lines = work.split('\r').map((line) => line.split('|'));
  const controlId = lines[0]?.[9] ?? '';
  const tests = lines.filter(([name]) => name === 'OBR');
  const orders = tests.flatMap((obr) => {
    const control = lines.find((orc) => orc[0] === 'ORC' && orc[2] === obr[2])?.[1] ?? '';
    return [`ORC|${answer(control, obr[4] ?? '')}|${obr[2]}`, `OBR||${obr[2]}||${obr[4]}`];
  });
  const specimen = work.split('\r').filter((line) => /^(SPM|SAC)\|/.test(line));
  return [`MSA|AA|${controlId}`, ...(orders.length === 0 ? [] : [...specimen, ...orders])];
}

/** A field of the first segment of a name. */
export function field(message: string | undefined, name: string, number: number): string {
  const line = message?.split('\r').find((one) => one.startsWith(`${name}|`));
  return line?.split('|')[name === 'MSH' ? number - 1 : number] ?? '';
}

/** Names of the segments. */
export function segmentsOf(message: string | undefined): string[] {
  return (message ?? '').split('\r').flatMap((line) => (line === '' ? [] : [line.slice(0, 3)]));
}
