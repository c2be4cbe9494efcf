/**
 * The outcome of a run: printed as a table, kept as JSON, compared with an earlier one.
 * `cpu 120 + 80 µs` is the processor time a request (or resource) of the Node process and of PostgreSQL.
 */
import { readFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { growthOf, growthText } from './growth.ts';
import type { Result } from './measure.ts';
import type { Mixed } from './mixed.ts';
import type { Soak } from './soak.ts';

/** A single figure with a goal: milliseconds of a start, megabytes of memory. */
export interface Figure {
  name: string;
  title: string;
  value: number;
  unit: string;
  goal?: string;
  met?: boolean;
}

export interface Report {
  date: string;
  machine: string;
  node: string;
  size: string;
  resources: number;
  /** Of the last minute, when the run began: what else the machine did. */
  load: number;
  results: Result[];
  figures: Figure[];
  mixed?: Mixed;
  soak?: Soak;
}

export function newReport(size: string): Report {
  const [first] = cpus();
  const machine = `${cpus().length} × ${first?.model.trim() ?? 'processor'}, ${Math.round(totalmem() / 2 ** 30)} GiB`;
  return {
    date: new Date().toISOString(),
    machine,
    node: process.version,
    size,
    resources: 0,
    load: loadavg()[0] ?? Number.NaN,
    results: [],
    figures: [],
  };
}

export function resultText(result: Result): string {
  const { ours, limit } = result;
  const [what = '', against = ''] = result.title.split(' | ');
  const rows = [
    `${what}  (${result.connections} ${result.connections === 1 ? 'connection' : 'connections'})`,
    `  Makhbar  ${sideText(ours, result.unit)}`,
    `  limit    ${sideText(limit, result.unit)}   ${against}`,
    `  ratio    ${result.ratio.toFixed(2)}${goalText(result)}`,
  ];
  return rows.join('\n');
}

function sideText(side: Result['ours'], unit: string): string {
  const rate = `${Math.round(side.rate).toLocaleString('en').padStart(8)} ${unit}`;
  const cpu = `cpu ${Math.round(side.cpu.node)} + ${Math.round(side.cpu.postgres)} µs`;
  return `${rate}   p50 ${milliseconds(side.p50)}   p99 ${milliseconds(side.p99)}   ${cpu.padEnd(18)}`;
}

function milliseconds(value: number): string {
  return `${value.toFixed(value < 10 ? 2 : 1).padStart(7)} ms`;
}

export function figureText(figure: Figure): string {
  const value =
    figure.value < 1
      ? figure.value.toFixed(3)
      : figure.value < 100
        ? figure.value.toFixed(1)
        : Math.round(figure.value).toLocaleString('en');
  return `${figure.title}: ${value} ${figure.unit}${goalText(figure)}`;
}

export function mixedText({ connections, count, rate, p50, p99, failed, failure, met }: Mixed): string {
  const trouble = failed > 0 ? `, ${failed} failed (${failure})` : '';
  return `${connections} callers over all searches: ${count.toLocaleString('en')} requests, ${Math.round(rate)} a second, p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms${trouble}${goalText({ goal: 'none fails', met })}`;
}

export function soakText(soak: Soak): string {
  const memory = soak.quarters.map((value) => Math.round(value)).join(' → ');
  const trouble = soak.failed > 0 ? `, ${soak.failed} failed (${soak.failure})` : '';
  return `soak of ${soak.minutes} min: ${soak.requests.toLocaleString('en')} requests${trouble}; memory by quarters ${memory} MB, last / second ${soak.growth.toFixed(2)}${goalText({ goal: '≤ 1.1', met: soak.met })}`;
}

function goalText({ goal, met }: { goal?: string; met?: boolean }): string {
  return goal === undefined ? '' : `   ${met ? 'met' : 'MISSED'} (goal: ${goal})`;
}

/**
 * Two runs line by line; a change is worth a look when it exceeds what rounds differ within a run. Of runs on data sets
 * of different size the growth.
 */
export function compare(beforePath: string, afterPath: string): string {
  const [before, after] = [read(beforePath), read(afterPath)];
  const rows = [`${before.date} (${before.size}) → ${after.date} (${after.size})`];
  if (before.size !== after.size) {
    return [...rows, ...growthOf(before, after).map(growthText)].join('\n');
  }
  for (const now of after.results) {
    const then = before.results.find((result) => result.line === now.line);
    if (then !== undefined) {
      rows.push(comparedRow(now.line.padEnd(16), then, now));
    }
  }
  for (const now of after.figures) {
    const then = before.figures.find((figure) => figure.name === now.name);
    if (then !== undefined) {
      rows.push(`${now.name.padEnd(16)} ${then.value.toFixed(0)} → ${now.value.toFixed(0)} ${now.unit}`);
    }
  }
  if (before.mixed && after.mixed) {
    rows.push(
      `mixed            ${Math.round(before.mixed.rate)} → ${Math.round(after.mixed.rate)} requests/s, ${before.mixed.failed} → ${after.mixed.failed} failed`,
    );
  }
  return rows.join('\n');
}

function comparedRow(name: string, then: Result, now: Result): string {
  const change = (now.ours.rate / then.ours.rate - 1) * 100;
  const spread = Math.max(spreadOf(then), spreadOf(now)) * 100;
  const verdict = Math.abs(change) <= spread ? 'within the spread' : change > 0 ? 'faster' : 'SLOWER';
  const rates = `${Math.round(then.ours.rate)} → ${Math.round(now.ours.rate)} ${now.unit}`;
  const latency = `p50 ${then.ours.p50.toFixed(2)} → ${now.ours.p50.toFixed(2)} ms`;
  const ratios = `${latency}, ratio ${then.ratio.toFixed(2)} → ${now.ratio.toFixed(2)}`;
  const cpu = `cpu ${cpuText(then)} → ${cpuText(now)} µs`;
  return `${name} ${rates} (${change.toFixed(1)} %), ${ratios}, ${cpu}, rounds differ by ${spread.toFixed(0)} %: ${verdict}`;
}

function cpuText({ ours }: Result): string {
  return `${Math.round(ours.cpu.node)} + ${Math.round(ours.cpu.postgres)}`;
}

function spreadOf({ ours }: Result): number {
  return (Math.max(...ours.rounds) - Math.min(...ours.rounds)) / ours.rate;
}

function read(path: string): Report {
  return JSON.parse(readFileSync(path, 'utf8')) as Report;
}
