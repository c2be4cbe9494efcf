/** Laboratories with an HL7 v2 interface of their own, for messages of a facility that no other one has. */
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { interfaceEndpoint } from '../../src/gateways/hl7v2/settings.ts';
import { listMessages } from '../../src/store/messages.ts';
import { makeLaboratory, testDatabase, testServer, type Laboratory } from '../server.ts';
import { openSender, type Sender } from './mllp-client.ts';

export interface Bench {
  readonly lab: Laboratory;
  readonly facility: string;
  readonly sender: Sender;
}

export async function makeBench(): Promise<Bench> {
  const lab = await makeLaboratory();
  const facility = `F${randomBytes(5).toString('hex')}`;
  await addInterface(lab, facility);
  const sender = await openSender(testServer().hl7Port);
  const made = { lab, facility, sender };
  // Until the interface works, the message is one for that of another laboratory, which takes any.
  for (const end = Date.now() + 120_000; Date.now() < end; await pause(200)) {
    await sender.send(message(made, 'ZZZ^Z00', 'probe'));
    if ((await listMessages(session(lab), { count: 1 })).length > 0) return made;
  }
  throw new Error('The interface did not begin to work.');
}

export async function addInterface(lab: Laboratory, facility: string): Promise<void> {
  const endpoint = interfaceEndpoint({
    name: 'test',
    address: 'mllp://localhost',
    allowed: ['loopback'],
    facility,
    zone: 'Asia/Riyadh',
    storeOnly: ['DFT^*'],
  });
  const made = await lab.fetch('Endpoint', {
    method: 'POST',
    headers: { 'content-type': 'application/fhir+json' },
    body: JSON.stringify(endpoint),
  });
  if (made.status !== 201) throw new Error(`The interface was refused with ${made.status}.`);
}

export function message(
  { facility }: Pick<Bench, 'facility'>,
  type: string,
  controlId: string,
  ...segments: string[]
): string {
  return [`MSH|^~\\&|APP|${facility}|LAB|HOSP|20260131081500||${type}|${controlId}|P|2.5.1`, ...segments, ''].join(
    '\r',
  );
}

export function session({ tenant }: Laboratory): Parameters<typeof listMessages>[0] {
  return { tenant: tenant.id, query: (statement) => testDatabase().query(tenant.id, statement) };
}
