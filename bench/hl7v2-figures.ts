/**
 * The HL7 v2 gateway: parsing alone; results over MLLP from bytes to the acknowledgement (stored, translated, validated,
 * indexed, audited), as fast as they go and at half the rate that is wanted; memory over many messages; and what a message of
 * 20 MB does to others. Messages go to the interface that the laboratory `demo` begins with.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { decodeMessage } from '../src/hl7v2/charset.ts';
import { readHeader } from '../src/hl7v2/header.ts';
import { fieldsOf, parseMessage, sizeFault } from '../src/hl7v2/message.ts';
import { documentMessage, openMessages, resultMessage, type MessageSender } from './hl7v2-messages.ts';
import type { Bench } from './lines.ts';
import { median, type Pace } from './measure.ts';
import { memoryOf, postgresSeconds, processorSeconds } from './processes.ts';
import type { Figure } from './report.ts';

export const hl7v2Figures = ['hl7v2-parse', 'hl7v2-rate', 'hl7v2-latency', 'hl7v2-large', 'hl7v2-memory'] as const;

export interface Hl7v2Wanted {
  readonly bench: Bench;
  readonly pace: Pace;
  /** For the memory. */
  readonly messages: number;
  wants(name: string): boolean;
  add(figure: Figure): void;
}

const connections = 8;
const results = 20;
const wantedRate = 150;

export async function measureHl7v2(wanted: Hl7v2Wanted): Promise<void> {
  const { bench, wants, add } = wanted;
  if (wants('hl7v2-parse')) add(parsing(wanted.pace));
  const senders = await Promise.all(Array.from({ length: connections }, () => openMessages(bench.hl7Port)));
  try {
    if (wants('hl7v2-rate')) await rate(wanted, senders);
    if (wants('hl7v2-latency')) add(await latency(wanted, senders));
    if (wants('hl7v2-large')) add(await largeMessage(wanted, senders));
    if (wants('hl7v2-memory')) add(await memory(wanted, senders));
  } finally {
    for (const sender of senders) sender.close();
  }
}

/** Bytes → text, header, segments, fields. */
function parsing({ rounds, seconds }: Pace): Figure {
  const bytes = resultMessage(1, { results });
  const rates = Array.from({ length: rounds }, () => {
    const begun = performance.now();
    let count = 0;
    for (; performance.now() - begun < seconds * 1_000; count++) {
      const message = parseMessage(decodeMessage(bytes).text);
      if (sizeFault(message) !== undefined || readHeader(message).code !== 'ORU')
        throw new Error('It is read wrongly.');
      for (const segment of message.segments) fieldsOf(message.delimiters, segment);
    }
    return count / ((performance.now() - begun) / 1_000);
  });
  const value = median(rates);
  const title = `HL7 v2 messages with ${results} results parsed`;
  return { name: 'hl7v2-parse', title, value, unit: 'messages/s', goal: '≥ 20,000', met: value >= 20_000 };
}

/** Messages of its own for each run: a repetition would only be answered. */
function newRun(): string {
  return randomBytes(4).toString('hex').toUpperCase();
}

async function rate({ bench, pace, add }: Hl7v2Wanted, senders: readonly MessageSender[]): Promise<void> {
  const run = newRun();
  let next = 0;
  const drive = async (seconds: number): Promise<{ rate: number; times: number[] }> => {
    const begun = performance.now();
    const times: number[] = [];
    const lane = async (sender: MessageSender): Promise<void> => {
      while (performance.now() - begun < seconds * 1_000) times.push(await sender.send(resultMessage(next++, { run })));
    };
    await Promise.all(senders.map(lane));
    return { rate: times.length / ((performance.now() - begun) / 1_000), times };
  };
  await drive(pace.seconds);
  const measured: number[] = [];
  const before = { node: processorSeconds(bench.pid), postgres: postgresSeconds(bench.dataDir), messages: next };
  for (let n = 0; n < pace.rounds; n++) measured.push((await drive(pace.seconds)).rate);
  const each = (now: number, then: number): number => ((now - then) / (next - before.messages)) * 1_000;
  const value = median(measured);
  const title = `ORU^R01 with ${results} results over ${connections} connections, taken and applied`;
  add({ name: 'hl7v2-rate', title, value, unit: 'messages/s', goal: '≥ 150', met: value >= wantedRate });
  const cpu = [
    ['node', each(processorSeconds(bench.pid), before.node)],
    ['postgres', each(postgresSeconds(bench.dataDir), before.postgres)],
  ] as const;
  for (const [name, spent] of cpu) {
    add({ name: `hl7v2-${name}`, title: `processor time of ${name} for it`, value: spent, unit: 'ms a message' });
  }
}

/** One message after another at moments of its own, whatever became of those before. */
async function paced(
  senders: readonly MessageSender[],
  { each, until, message }: { each: number; until: () => boolean; message: (n: number) => Buffer },
): Promise<number[]> {
  const times: number[] = [];
  const waiting: Promise<void>[] = [];
  const last = senders.map(() => Promise.resolve());
  const begun = performance.now();
  for (let n = 0; !until(); n++) {
    const due = begun + n * each;
    if (due > performance.now()) await pause(due - performance.now());
    const lane = n % senders.length;
    const sent = (last[lane] ?? Promise.resolve()).then(async () => {
      await senders[lane]?.send(message(n));
      times.push(performance.now() - due);
    });
    last[lane] = sent;
    waiting.push(sent);
  }
  await Promise.all(waiting);
  return times;
}

function percentile(times: readonly number[], share: number): number {
  const sorted = times.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

async function latency({ pace }: Hl7v2Wanted, senders: readonly MessageSender[]): Promise<Figure> {
  const run = newRun();
  const end = performance.now() + pace.rounds * pace.seconds * 1_000;
  const times = await paced(senders, {
    each: 1_000 / (wantedRate / 2),
    until: () => performance.now() >= end,
    message: (n) => resultMessage(n, { run }),
  });
  const value = percentile(times, 0.99);
  const title = `acknowledgement at ${wantedRate / 2} messages/s (p50 ${percentile(times, 0.5).toFixed(1)} ms)`;
  return { name: 'hl7v2-latency', title, value, unit: 'ms (p99)', goal: '≤ 100 ms', met: value <= 100 };
}

/** The longest that others wait while one of 20 MB is taken, at a tenth of the rate. */
async function largeMessage({ bench }: Hl7v2Wanted, senders: readonly MessageSender[]): Promise<Figure> {
  const run = newRun();
  const large = await openMessages(bench.hl7Port);
  let done = false;
  let taken = 0;
  const sending = (async () => {
    await pause(500);
    taken = await large.send(documentMessage(1, { bytes: 15_000_000, run: `${run}L` }));
    await pause(500);
  })().finally(() => {
    done = true;
  });
  const times = await paced(senders, {
    each: 1_000 / 15,
    until: () => done,
    message: (n) => resultMessage(n, { run }),
  });
  await sending;
  large.close();
  const value = Math.max(...times);
  const title = `longest acknowledgement of others while one of 20 MB is taken (in ${Math.round(taken)} ms)`;
  return { name: 'hl7v2-large', title, value, unit: 'ms', goal: '≤ 500 ms', met: value <= 500 };
}

/** The memory of the last quarter against that of the second: the first warms up. */
async function memory({ bench, messages }: Hl7v2Wanted, senders: readonly MessageSender[]): Promise<Figure> {
  const run = newRun();
  let next = 0;
  const quarters: number[] = [];
  for (let quarter = 1; quarter <= 4; quarter++) {
    const seen: number[] = [];
    const end = Math.floor((messages * quarter) / 4);
    const lane = async (sender: MessageSender): Promise<void> => {
      while (next < end) {
        await sender.send(resultMessage(next++, { run }));
        if (next % 20 === 0) seen.push(memoryOf(bench.pid).now);
      }
    };
    await Promise.all(senders.map(lane));
    quarters.push(median(seen));
  }
  const [, second = Number.NaN, , last = Number.NaN] = quarters;
  const value = last / second;
  const shown = quarters.map((one) => Math.round(one)).join(' → ');
  const title = `memory over ${messages.toLocaleString('en')} messages by quarters ${shown} MB, last / second`;
  return { name: 'hl7v2-memory', title, value, unit: '', goal: '≤ 1.1', met: value <= 1.1 };
}
