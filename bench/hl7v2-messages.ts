/** Messages of HL7 v2 as a chemistry analyser's middleware sends them, and a sender: one message at a time, then its answer. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { mllpDecoder, mllpFrame } from '../src/hl7v2/mllp.ts';

const names = ['Haddad^Layla', 'القاسم^ليلى', 'Diallo^Aminata', 'Benali^Youssef', 'Okafor^Chidi'];

/** ORU^R01 with `results` results of one specimen; `n` makes patient, order and specimen. Five orders of a patient. */
export function resultMessage(n: number, { results = 20, run = '' } = {}): Buffer {
  const patient = Math.floor(n / 5);
  const time = `2026013108${String(n % 60).padStart(2, '0')}00`;
  const obx = Array.from({ length: results }, (_, i) => {
    const value = (((n * 7 + i * 13) % 900) / 10 + 1).toFixed(1);
    return `OBX|${i + 1}|NM|B${100 + i}-1^Analyte ${i + 1}^LN||${value}|mmol/L^^UCUM|3.5-95.1|N|||F|||${time}`;
  });
  const segments = [
    `MSH|^~\\&|BENCH|CHEM|LAB|HOSP|${time}||ORU^R01^ORU_R01|${run}-${n}|P|2.5.1||||||UNICODE UTF-8`,
    `PID|1||${run}P${patient}^^^BENCH^MR||${names[patient % names.length]}||19870309|F`,
    `ORC|RE|${run}O${n}^BENCH|${run}F${n}^LIS`,
    `OBR|1|${run}O${n}^BENCH|${run}F${n}^LIS|24323-8^Metabolic panel^LN|||${time}|||||||||||||||${time}||CH|F`,
    ...obx,
    `SPM|1|${run}O${n}&BENCH^${run}S${n}&LIS||SER^Serum^HL70487|||||||||||||${time}`,
    '',
  ];
  return Buffer.from(segments.join('\r'));
}

/** A report with an embedded PDF of so many bytes. */
export function documentMessage(n: number, { bytes, run }: { bytes: number; run: string }): Buffer {
  const picture = Buffer.alloc(bytes, '%PDF-1.7 a page of many ').toString('base64');
  const text = resultMessage(n, { results: 1, run }).toString();
  return Buffer.from(
    text.replace(/OBX[^\r]*\r/, `OBX|1|ED|PDF^Report^L||LIS^application^pdf^Base64^${picture}||||||F\r`),
  );
}

export interface MessageSender {
  /** @returns milliseconds until the acknowledgement */
  send(message: Buffer): Promise<number>;
  close(): void;
}

/** @throws Error for an acknowledgement that is not AA */
export async function openMessages(port: number): Promise<MessageSender> {
  const socket = await connected(port);
  const decoder = mllpDecoder(1_000_000);
  let taken: ((text: string) => void) | undefined;
  let failed: ((error: Error) => void) | undefined;
  socket.on('data', (chunk) => {
    for (const frame of decoder.take(chunk)) if (frame.kind === 'message') taken?.(frame.content.toString());
  });
  socket.on('error', (error) => failed?.(error));
  socket.on('close', () => failed?.(new Error('The gateway closed the connection.')));
  return {
    send: async (message) => {
      const begun = performance.now();
      const answered = new Promise<string>((resolve, reject) => {
        [taken, failed] = [resolve, reject];
      });
      socket.write(mllpFrame(message));
      const answer = await answered;
      if (!/\rMSA\|AA/.test(answer)) throw new Error(`Not taken: ${answer.slice(0, 600)}`);
      return performance.now() - begun;
    },
    close: () => socket.destroy(),
  };
}

/** The gateway listens a moment after HTTP does. */
async function connected(port: number): Promise<Socket> {
  for (const end = Date.now() + 20_000; ; await pause(100)) {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    try {
      await once(socket, 'connect');
      return socket;
    } catch (error) {
      if (Date.now() > end) throw error;
    }
  }
}
