/** Interfaces that send HL7 v2, as the outbox (../outbox.ts) sees them. */
import { OutcomeError } from '../../fhir/outcome.ts';
import { decodeMessage } from '../../hl7v2/charset.ts';
import { listOf } from '../../publishing/allowed-address.ts';
import type { Server } from '../../request.ts';
import { readPeer } from '../../store/outbox.ts';
import type { Session } from '../../store/pool.ts';
import { decryptSecret, type SecretPlace } from '../../store/secrets.ts';
import type { Delivery } from '../delivery.ts';
import type { Channel, Sending } from '../outbox.ts';
import { readMessage } from './answer.ts';
import { readAnswer } from './answered.ts';
import { NoAnswer, type Peer } from '../connect.ts';
import { makeClient, type Client } from './client.ts';
import type { Served } from './interfaces.ts';
import { takeOrderResponse } from './law/order-response.ts';
import { answeredLater } from './later.ts';
import { makeMessages } from './make.ts';
import { endTask } from '../task.ts';
import { waitToBeSent } from './task.ts';
import type { ServedOut } from './told.ts';

export function isSending(served: Served): served is ServedOut {
  return served.interface.out !== undefined;
}

export function sendingOf(server: Server, served: ServedOut): Sending {
  const { tenant, interface: own } = served;
  return {
    tenant,
    id: own.id,
    name: own.name,
    state: JSON.stringify(own.out),
    open: async (session) => channelOf(server, served, await peerOf(server, served, session)),
    make: (session, held) => makeMessages(server, served, session, held),
    failed: async (stored, sentence) => {
      const { message } = readMessage(decodeMessage(stored.raw, stored.charset));
      await waitToBeSent(server, { tenant, interface: own }, { ...stored, sentence, message });
    },
    taken: ({ id }) => endTask(server, { tenant, interface: own, peer: '' }, id),
  };
}

export function keyPlace(server: Pick<Server, 'config' | 'database'>, tenant: number, owner: string): SecretPlace {
  const keyEncryptionKey = server.config.keyEncryptionKey();
  return { database: server.database, keyEncryptionKey, tenant, purpose: 'makhbar interface', owner };
}

export async function peerOf(
  server: Server,
  { tenant, interface: { id, out } }: ServedOut,
  session: Session,
): Promise<Peer> {
  const { operatorAddress, authority, certificate, secret } = await readPeer(session, id);
  const key = secret && (await decryptSecret(keyPlace(server, tenant.id, id), secret)).toString('utf8');
  return {
    address: out.to,
    allowed: operatorAddress === out.to ? undefined : listOf(server.config.interfaceNetworks),
    authority,
    certificate,
    key,
  };
}

function channelOf(server: Server, served: ServedOut, peer: Peer): Channel {
  const client = makeClient(peer, (answer) => {
    answeredLater(server, served, answer).catch((error: unknown) =>
      server.log.warn({ err: error, interface: served.interface.id }, 'an answer was not stored'),
    );
  });
  const { hostname } = new URL(peer.address);
  const host = hostname.replace(/^\[|\]$/g, '').slice(0, 64);
  return {
    deliver: ({ raw, controlId }) =>
      raw.length === 0
        ? Promise.resolve({ kind: 'refused', problems: [], sentence: 'What it told was erased.', peer: '' })
        : deliver(client, { raw, controlId, host }, served).then((delivery) => answered(server, served, delivery)),
    close: client.close,
  };
}

/** Of an analyzer: what it says of each order is stored before the message is done with, else it is asked again. */
async function answered(server: Server, served: ServedOut, delivery: Delivery): Promise<Delivery> {
  const { ack, peer } = { ack: undefined, ...delivery };
  if (served.interface.law === undefined || ack === undefined || delivery.kind === 'passing') return delivery;
  try {
    await takeOrderResponse(server, served, ack);
    return delivery;
  } catch (error) {
    server.log.warn({ err: error, interface: served.interface.id }, 'the answer of an analyzer was not applied');
    return { kind: 'passing', sentence: 'The answer of the analyzer could not be applied.', refusal: true, peer };
  }
}

async function deliver(
  client: Client,
  { raw, controlId, host: peer }: { readonly raw: Buffer; readonly controlId: string; readonly host: string },
  { interface: { out, law } }: ServedOut,
): Promise<Delivery> {
  try {
    const ack = await client.exchange(raw, controlId, out.timeout * 1_000);
    const { kind, problems, sentence } = readAnswer(ack, { mode: out.acknowledgement, orders: law === undefined });
    if (kind === 'sent' || kind === 'accepted') return { kind, ack, peer };
    return kind === 'refused'
      ? { kind, ack, problems, sentence, peer }
      : { kind, ack, problems, sentence, peer, refusal: true };
  } catch (error) {
    const known = error instanceof NoAnswer || error instanceof OutcomeError;
    return { kind: 'passing', sentence: known ? error.message : 'Sending failed.', peer };
  }
}
