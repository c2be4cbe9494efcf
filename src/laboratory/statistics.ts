/**
 * Numbers of a laboratory over a time: volumes, turnaround, rejections, critical results, verification, controls. Pure: it is told
 * of one resource after another and keeps sums and times, not resources.
 *
 * 1. Orders count when they were made, specimens and results when they were collected, controls when they were measured, calls
 *    when they fell due. The parts of the time (interval) are days, months, or the whole.
 * 2. Percentiles are nearest ranks (of n sorted values the ceil(p·n)-th), in minutes.
 * 3. Turnaround: collected to received of a specimen; received to released, and ordered to released, of a result.
 */
import type { JsonObject } from '../fhir/json.ts';
import { catalogueSystem, codeIn, codings, extensions, object, objects, text } from './terms.ts';

export type Interval = 'day' | 'month' | 'all';

export interface Row {
  readonly measure: string;
  /** A test, a reason, a priority, a rule: what is counted apart; empty for all of them. */
  readonly of: string;
  /** 2026-01-31, 2026-01, or empty. */
  readonly period: string;
  readonly value: number;
  readonly unit: '1' | 'min' | '%';
}

export interface Statistics {
  order(order: JsonObject): void;
  specimen(specimen: JsonObject): void;
  result(result: JsonObject): void;
  control(result: JsonObject): void;
  call(task: JsonObject): void;
  rows(): Row[];
}

interface Key {
  readonly measure: string;
  readonly of: string;
  readonly period: string;
}

const critical: ReadonlySet<string> = new Set(['LL', 'HH', 'AA']);
const shares = [
  ['p50', 0.5],
  ['p90', 0.9],
  ['p95', 0.95],
] as const;

export function makeStatistics(interval: Interval, zone: string): Statistics {
  const counts = new Map<string, { key: Key; count: number }>();
  const times = new Map<string, { key: Key; minutes: number[] }>();
  const authored = new Map<string, number>();
  const received = new Map<string, number>();
  const day = new Intl.DateTimeFormat('en-CA', { timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit' });
  const periodOf = (at: number): string =>
    interval === 'all' ? '' : day.format(at).slice(0, interval === 'day' ? 10 : 7);
  const count = (measure: string, at: number, ...of: readonly string[]): void => {
    for (const one of of) {
      const key = { measure, of: one, period: periodOf(at) };
      const name = Object.values(key).join('\n');
      const held = counts.get(name) ?? { key, count: 0 };
      held.count++;
      counts.set(name, held);
    }
  };
  const took = (measure: string, from: number | undefined, to: number | undefined, of = ''): void => {
    if (from === undefined || to === undefined || to < from) return;
    const key = { measure, of, period: periodOf(from) };
    const name = Object.values(key).join('\n');
    const held = times.get(name) ?? { key, minutes: [] };
    held.minutes.push((to - from) / 60_000);
    times.set(name, held);
  };
  return {
    order: (order) => {
      const at = time(order['authoredOn']);
      if (at === undefined) return;
      authored.set(`ServiceRequest/${String(order['id'])}`, at);
      count('orders', at, '', codeOf(order));
      if (order['status'] === 'revoked') count('orders-revoked', at, '');
    },
    specimen: (specimen) => {
      const [collected, arrived] = [
        time(object(specimen['collection'])['collectedDateTime']),
        time(specimen['receivedTime']),
      ];
      const at = collected ?? arrived;
      if (at === undefined) return;
      if (arrived !== undefined) received.set(`Specimen/${String(specimen['id'])}`, arrived);
      count('specimens', at, '');
      took('collected-to-received', collected, arrived);
      const [reason] = extensions(specimen, 'rejection-reason');
      if (reason === undefined) return;
      count('specimens-rejected', at, '', text(codings(reason['valueCodeableConcept'])[0]?.['code']) ?? 'other');
    },
    result: (result) => {
      const at = time(result['effectiveDateTime']);
      if (at === undefined) return;
      const code = codeOf(result);
      count('results', at, '', code);
      if (codings(objects(result['interpretation'])[0]).some((one) => critical.has(String(one['code'])))) {
        count('results-critical', at, '', code);
      }
      const status = text(result['status']) ?? '';
      if (status === 'corrected' || status === 'amended') count('results-corrected', at, '', code);
      if (!['final', 'corrected', 'amended'].includes(status)) return;
      count('results-released', at, '');
      if (isAutoverified(result)) count('results-autoverified', at, '');
      // A correction was issued later than what it corrects.
      if (status !== 'final') return;
      const released = time(result['issued']);
      const tube = text(object(result['specimen'])['reference']) ?? '';
      const [order] = objects(result['basedOn']);
      took('received-to-released', received.get(tube), released);
      took('received-to-released', received.get(tube), released, code);
      took('ordered-to-released', authored.get(text(order?.['reference']) ?? ''), released);
    },
    control: (result) => {
      const at = time(result['effectiveDateTime']);
      if (at === undefined) return;
      const code = codeOf(result);
      count('controls', at, '', code);
      const broken = objects(extensions(result, 'control')[0]?.['extension']).flatMap(({ url, valueString }) =>
        url === 'broken' ? (text(valueString) ?? []) : [],
      );
      if (broken.length > 0) count('control-rules-broken', at, ...broken);
      if (codings(objects(result['interpretation'])[0]).some((one) => one['code'] === 'A')) {
        count('controls-failed', at, '', code);
      }
    },
    call: (task) => {
      const at = time(task['authoredOn']);
      if (at === undefined) return;
      count('calls', at, '');
      if (task['status'] === 'completed') took('critical-to-called', at, time(task['lastModified']));
    },
    rows: () =>
      [
        ...[...counts.values()].map(({ key, count: value }): Row => ({ ...key, value, unit: '1' })),
        ...[...counts.values()].flatMap((held) => shareOf(held, counts)),
        ...[...times.values()].flatMap(({ key, minutes }) => percentiles(key, minutes)),
      ].toSorted((a, b) => compared(a.measure, b.measure) || compared(a.of, b.of) || compared(a.period, b.period)),
  };
}

/** Of which whole a part is told in percent as well. */
const wholes: Readonly<Record<string, string>> = {
  'specimens-rejected': 'specimens',
  'results-critical': 'results',
  'results-autoverified': 'results-released',
  'controls-failed': 'controls',
};

function shareOf(
  { key, count }: { readonly key: Key; readonly count: number },
  counts: ReadonlyMap<string, { readonly count: number }>,
): Row[] {
  const whole = wholes[key.measure];
  if (whole === undefined || key.of !== '') return [];
  const all = counts.get(Object.values({ ...key, measure: whole }).join('\n'))?.count ?? 0;
  return [{ ...key, measure: `${key.measure}-share`, value: tenths((count / all) * 100), unit: '%' }];
}

function percentiles(key: Key, minutes: readonly number[]): Row[] {
  const sorted = minutes.toSorted((a, b) => a - b);
  return shares.map(([name, share]) => {
    const value = sorted[Math.ceil(share * sorted.length) - 1] ?? 0;
    return { ...key, measure: `${key.measure}-${name}`, value: tenths(value), unit: 'min' };
  });
}

function tenths(value: number): number {
  return Math.round(value * 10) / 10;
}

function compared(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function codeOf(resource: JsonObject): string {
  const { code } = resource;
  return codeIn(code, catalogueSystem) ?? text(codings(code)[0]?.['code']) ?? text(object(code)['text']) ?? 'none';
}

/** Released by the rules, and looked at by nobody. */
function isAutoverified(result: JsonObject): boolean {
  return extensions(result, 'verification').length > 0 && extensions(result, 'reviewed-by').length === 0;
}

function time(written: unknown): number | undefined {
  const at = typeof written === 'string' ? Date.parse(written) : Number.NaN;
  return Number.isNaN(at) ? undefined : at;
}
