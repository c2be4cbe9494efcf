/**
 * What a larger data set costs: each search line of one run against the same line of a run on a smaller set.
 * Goals: a page at most 1.5 times, what reads all matches at most as many times as there are more resources.
 */
import type { Side } from './measure.ts';
import type { Report } from './report.ts';

export interface Growth {
  line: string;
  /** p50 of the larger set / p50 of the smaller. */
  http: number;
  /** The same for the statements sent by hand. */
  sql: number;
  /** Of the processor time of server and database a request, which other work on the machine changes less. */
  cpu: number;
  allowed: number;
  met: boolean;
}

const flat = 1.5;

export function growthOf(first: Report, second: Report): Growth[] {
  const [smaller, larger] = first.resources <= second.resources ? [first, second] : [second, first];
  return larger.results.flatMap((result) => {
    const before = smaller.results.find(({ line }) => line === result.line);
    if (before === undefined || result.growth === undefined) return [];
    const http = result.ours.p50 / before.ours.p50;
    const sql = result.limit.p50 / before.limit.p50;
    const cpu = processor(result.ours) / processor(before.ours);
    const allowed = result.growth === 'flat' ? flat : larger.resources / smaller.resources;
    return [{ line: result.line, http, sql, cpu, allowed, met: http <= allowed }];
  });
}

function processor({ cpu }: Side): number {
  return cpu.node + cpu.postgres;
}

export function growthText({ line, http, sql, cpu, allowed, met }: Growth): string {
  const verdict = `${met ? 'met' : 'MISSED'} (goal: ≤ ${allowed.toFixed(1)})`;
  return `${line.padEnd(18)} p50 × ${http.toFixed(2)}, of its SQL × ${sql.toFixed(2)}, processor time × ${cpu.toFixed(2)}   ${verdict}`;
}
