/** An erasure empties the messages that were about the patient, and leaves those about others. */
import { expect, test } from '@jest/globals';
import { listMessages } from '../../src/store/messages.ts';
import { officer, parameters, send, type Json } from '../erasure/laboratory.ts';
import { makeBench, message, session } from './bench.ts';

test('messages that were applied to the patient, and those that were not and hold an identifier of his', async () => {
  const made = await makeBench();
  const { lab, sender } = made;
  const pid = (id: string): string => `PID|1||${id}^^^MRN^MR||القاسم^ليلى`;
  await sender.send(message(made, 'ADT^A04', 'own', pid('47-11')));
  await sender.send(message(made, 'ADT^A99', 'refused', pid('47-11')));
  await sender.send(message(made, 'ADT^A04', 'other', pid('47-12')));
  sender.close();
  const found = await send(lab, 'GET', 'Patient?identifier=47-11');
  const [entry] = found['entry'] as { resource: Json }[];
  const dpo = await officer(lab.tenant);
  await send(dpo, 'POST', `Patient/${String(entry?.resource['id'])}/$erase`, parameters({ reason: 'Request 7.' }));
  const messages = await listMessages(session(lab), { count: 100 });
  expect(messages.map(({ raw }) => raw.toString()).filter((raw) => raw.includes('47-11'))).toEqual([]);
  expect(messages.filter(({ raw }) => raw.length === 0)).toHaveLength(2);
  expect(messages.find(({ controlId }) => controlId === 'other')?.raw.toString()).toContain('47-12');
}, 90_000);
