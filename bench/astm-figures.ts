/**
 * The ASTM gateway: frames on one line; a hundred analyzers that each send a result a second, with questions in between; results
 * stored, translated, indexed and audited. Messages go to the interface that the laboratory `demo` begins with, about
 * specimens that are made before.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { openAnalyzer, type AnalyzerLine } from './astm-line.ts';
import type { Bench } from './lines.ts';
import { median, type Pace } from './measure.ts';
import { memoryOf } from './processes.ts';
import type { Figure } from './report.ts';

export const astmFigures = ['astm-frames', 'astm-analyzers', 'astm-results'] as const;

export interface AstmWanted {
  readonly bench: Bench;
  readonly pace: Pace;
  wants(name: string): boolean;
  add(figure: Figure): void;
}

const analyzers = 100;
const specimens = 400;
const lines = 16;
const results = 20;

export async function measureAstm(wanted: AstmWanted): Promise<void> {
  const { bench, wants } = wanted;
  const run = randomBytes(3).toString('hex');
  await makeSpecimens(bench, run);
  if (wants('astm-frames')) await frames(wanted, run);
  if (wants('astm-analyzers')) await manyAnalyzers(wanted, run);
  if (wants('astm-results')) await stored(wanted, run);
}

function specimen(run: string, n: number): string {
  return `${run}-${n % specimens}`;
}

async function makeSpecimens({ port, token }: Bench, run: string): Promise<void> {
  const entry = Array.from({ length: specimens }, (_, n) => ({
    resource: { resourceType: 'Specimen', accessionIdentifier: { value: specimen(run, n) } },
    request: { method: 'POST', url: 'Specimen' },
  }));
  const answer = await fetch(`http://127.0.0.1:${port}/demo/fhir`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/fhir+json' },
    body: JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry }),
  });
  if (!answer.ok) throw new Error(`Specimens were refused with ${answer.status}.`);
}

/** @param n makes a value and a time that no message before has */
function message(number: string, n: number, count: number): string[] {
  const at = new Date(Date.UTC(2026, 0, 1) + n * 1_000).toISOString().replaceAll(/[-:T]|\.\d+Z/g, '');
  return [
    'H|\\^&|||Bench^1.0|||||||P|LIS2-A2|20260131081500',
    'P|1',
    `O|1|${number}||^^^T0|R`,
    ...Array.from(
      { length: count },
      (_, i) => `R|${i + 1}|^^^T${i}|${n % 100}.${i}0|mmol/L|3.5 to 5.1|N||F||||${at}|Bench`,
    ),
    'L|1|N',
  ];
}

async function within<T>(bench: Bench, count: number, work: (open: AnalyzerLine[]) => Promise<T>): Promise<T> {
  const open = await Promise.all(Array.from({ length: count }, () => openAnalyzer(bench.astmPort)));
  try {
    return await work(open);
  } finally {
    for (const line of open) line.close();
  }
}

/** Long messages, so that what is measured are frames and not what they become. */
async function frames({ bench, pace, add }: AstmWanted, run: string): Promise<void> {
  const rates = await within(bench, 1, async ([line]) => {
    const measured: number[] = [];
    for (let n = 0; n <= pace.rounds; n++) {
      const records = message(specimen(run, n), n, 1_000);
      const begun = performance.now();
      await line?.send(records);
      if (n > 0) measured.push(records.length / ((performance.now() - begun) / 1_000));
    }
    return measured;
  });
  const value = median(rates);
  add({ name: 'astm-frames', title: 'frames on one line', value, unit: 'frames/s', goal: '≥ 500', met: value >= 500 });
}

async function manyAnalyzers({ bench, pace, add }: AstmWanted, run: string): Promise<void> {
  const times: number[] = [];
  const memory: number[] = [];
  await within(bench, analyzers, async (open) => {
    const begun = performance.now();
    const length = Math.max(10, pace.rounds * pace.seconds) * 1_000;
    const one = async (line: AnalyzerLine, which: number): Promise<void> => {
      for (let n = 0; performance.now() - begun < length; n++) {
        const due = begun + n * 1_000 + which * (1_000 / analyzers);
        if (due > performance.now()) await pause(due - performance.now());
        const number = specimen(run, which * 4 + (n % 4));
        const isQuestion = n % 5 === 4;
        const asked = ['H|\\^&|||Bench', `Q|1|^${number}||ALL||||||||O`, 'L|1|N'];
        times.push(...(await line.send(isQuestion ? asked : message(number, which * 100_000 + n, 1))));
        if (which === 0) memory.push(memoryOf(bench.pid).now);
      }
    };
    await Promise.all(open.map(one));
  });
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
  const title = `a frame's answer, ${analyzers} analyzers with a message a second each (p50 ${at(0.5).toFixed(1)} ms)`;
  add({ name: 'astm-analyzers', title, value: at(0.99), unit: 'ms (p99)', goal: '≤ 50 ms', met: at(0.99) <= 50 });
  const [first = Number.NaN, last = Number.NaN] = [memory[Math.floor(memory.length / 4)], memory.at(-1)];
  add({ name: 'astm-memory', title: 'memory at its end, of a quarter', value: last / first, unit: '×' });
}

/** Until all are applied: an acknowledgement alone says that they are kept. */
async function stored({ bench, pace, add }: AstmWanted, run: string): Promise<void> {
  const rates = await within(bench, lines, async (open) => {
    const measured: number[] = [];
    let next = 0;
    for (let round = 0; round <= pace.rounds; round++) {
      const begun = performance.now();
      let sent = 0;
      const one = async (line: AnalyzerLine): Promise<void> => {
        while (performance.now() - begun < pace.seconds * 1_000) {
          const n = next++;
          await line.send(message(specimen(run, n), 50_000_000 + n, results));
          sent++;
        }
      };
      await Promise.all(open.map(one));
      await untilApplied(bench);
      if (round > 0) measured.push((sent * results) / ((performance.now() - begun) / 1_000));
    }
    return measured;
  });
  const value = median(rates);
  const title = `results of ${lines} analyzers stored and audited, ${results} in a message`;
  add({ name: 'astm-results', title, value, unit: 'results/s', goal: '≥ 1,000', met: value >= 1_000 });
}

async function untilApplied({ database }: Bench): Promise<void> {
  for (;;) {
    const { rows } = await database.query<{ left: string }>(
      `select count(*) as left from message where protocol = 'astm' and status = 'received'`,
    );
    if (Number(rows[0]?.left) === 0) return;
    await pause(20);
  }
}
