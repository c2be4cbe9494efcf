/** A restricted patient's results are stored with his own, not with a second patient. */
import { expect, test } from '@jest/globals';
import { officer, parameters, send, type Json } from '../erasure/laboratory.ts';
import { makeBench, message } from './bench.ts';
import { codeOf } from './mllp-client.ts';

test('what arrives while the processing of his data is restricted', async () => {
  const made = await makeBench();
  const { lab, sender } = made;
  const pid = 'PID|1||4711^^^MRN^MR||Ali^Omar';
  await sender.send(message(made, 'ADT^A04', 'a1', pid));
  const found = await send(lab, 'GET', 'Patient?identifier=4711');
  const [entry] = found['entry'] as { resource: Json }[];
  const dpo = await officer(lab.tenant);
  await send(dpo, 'POST', `Patient/${String(entry?.resource['id'])}/$restrict`, parameters({ reason: 'Request 3.' }));
  expect((await send(lab, 'GET', 'Patient?identifier=4711'))['total']).toBe(0);
  const obr = 'OBR|1||F-1^LIS|24323-8^CMP^LN|||20260131080000';
  const [answer] = await sender.send(
    message(made, 'ORU^R01', 'r1', `${pid.replace('Omar', 'Omar^Said')}`, obr, 'OBX|1|NM|2823-3^K^LN||4.1|||||F'),
  );
  sender.close();
  expect(codeOf(answer)).toBe('AA');
  expect((await send(dpo, 'GET', 'Patient'))['total']).toBe(1);
  expect((await send(dpo, 'GET', 'Observation'))['total']).toBe(1);
  expect((await send(lab, 'GET', 'Observation'))['total']).toBe(0);
}, 90_000);
