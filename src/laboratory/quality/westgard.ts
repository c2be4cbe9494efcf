/**
 * Westgard rules over control results.
 * JO Westgard, PL Barry, MR Hunt, T Groth. A multi-rule Shewhart chart for quality control in clinical chemistry.
 * Clin Chem 1981,27:493-501; 3-1s, 6x, 8x and 7T as at https://www.westgard.com/mltirule.htm
 *
 * | rule | is broken when                                                                                 | across |
 * |------|------------------------------------------------------------------------------------------------|--------|
 * | 1-2s | one result is further than 2 s from the mean: a warning                                          |        |
 * | 1-3s | one is further than 3 s                                                                          |        |
 * | 2-2s | two in a row are beyond the same 2 s limit: of a level, or of several levels in one run          | run    |
 * | R-4s | in one run one is beyond +2 s and another beyond -2 s                                            | run    |
 * | 3-1s | three in a row are beyond the same 1 s limit: of a level, or of all levels                       | levels |
 * | 4-1s | four in a row                                                                                    | levels |
 * | 6x   | six in a row are on the same side of the mean: of a level, or of all levels; 8x, 10x likewise    | levels |
 * | 7T   | seven of a level in a row rise, each above the one before it, or fall                            |        |
 *
 * 1. "Beyond" is strict: a result on a limit, or on the mean, breaks nothing.
 * 2. z is rounded to nine decimals before it is compared: 10.3 against 10.0 ± 0.1 is 3 s, not 3.0000000000000071.
 * 3. A rule is told at the result that completes it, and at each further one as long as it lasts.
 */
export const westgardRules = ['1-2s', '1-3s', '2-2s', 'R-4s', '3-1s', '4-1s', '6x', '8x', '10x', '7T'] as const;

export type WestgardRule = (typeof westgardRules)[number];

/** Those that most laboratories hold results for; 1-2s warns only. */
export const usualRules: readonly WestgardRule[] = ['1-2s', '1-3s', '2-2s', 'R-4s', '4-1s', '10x'];

export interface ControlPoint {
  readonly level: string;
  readonly run: string;
  readonly value: number;
  readonly mean: number;
  readonly sd: number;
}

export interface Judged {
  readonly z: number;
  readonly broken: readonly WestgardRule[];
  /** A rule other than the warning is broken. */
  readonly rejected: boolean;
}

/** Lengths of what has lasted so far, in a level or over all levels. */
interface Lasting {
  /** Beyond +2 s, +1 s, the mean; negative on the other side. */
  two: number;
  one: number;
  side: number;
  trend: number;
  last: number | undefined;
  run: string;
}

interface Run {
  high: boolean;
  low: boolean;
}

const fresh = (): Lasting => ({ two: 0, one: 0, side: 0, trend: 0, last: undefined, run: '' });

export function zScore({ value, mean, sd }: Pick<ControlPoint, 'value' | 'mean' | 'sd'>): number {
  if (!(sd > 0)) throw new RangeError(`The standard deviation of a control is above 0, not ${sd}.`);
  return Math.round(((value - mean) / sd) * 1e9) / 1e9;
}

/** The points in the order in which they were measured, all levels together. */
export function judge(points: readonly ControlPoint[], rules: readonly WestgardRule[] = westgardRules): Judged[] {
  const asked = new Set(rules);
  const levels = new Map<string, Lasting>();
  const runs = new Map<string, Run>();
  const all = fresh();
  return points.map((point) => {
    const z = zScore(point);
    const level = entry(levels, point.level, fresh);
    const run = entry(runs, point.run, () => ({ high: false, low: false }));
    follow(level, z, point.run);
    // Two of several levels in one run: a new run begins anew.
    if (all.run !== point.run) all.two = 0;
    follow(all, z, point.run);
    run.high ||= z > 2;
    run.low ||= z < -2;
    const broken = westgardRules.filter((rule) => asked.has(rule) && isBroken[rule]({ z, level, all, run }));
    return { z, broken, rejected: broken.some((rule) => rule !== '1-2s') };
  });
}

function entry<T>(map: Map<string, T>, key: string, make: () => T): T {
  const known = map.get(key) ?? make();
  map.set(key, known);
  return known;
}

function follow(lasting: Lasting, z: number, run: string): void {
  lasting.two = longer(lasting.two, z, 2);
  lasting.one = longer(lasting.one, z, 1);
  lasting.side = longer(lasting.side, z, 0);
  // In steps: seven results are six steps.
  const step = lasting.last === undefined ? 0 : Math.sign(z - lasting.last);
  lasting.trend = step === 0 ? 0 : Math.sign(lasting.trend) === step ? lasting.trend + step : step;
  lasting.last = z;
  lasting.run = run;
}

function longer(count: number, z: number, limit: number): number {
  const side = z > limit ? 1 : z < -limit ? -1 : 0;
  return side === 0 ? 0 : Math.sign(count) === side ? count + side : side;
}

interface At {
  readonly z: number;
  readonly level: Lasting;
  readonly all: Lasting;
  readonly run: Run;
}

const lasts =
  (member: 'one' | 'side', length: number) =>
  ({ level, all }: At): boolean =>
    Math.abs(level[member]) >= length || Math.abs(all[member]) >= length;

const isBroken: Readonly<Record<WestgardRule, (at: At) => boolean>> = {
  '1-2s': ({ z }) => Math.abs(z) > 2,
  '1-3s': ({ z }) => Math.abs(z) > 3,
  '2-2s': ({ level, all }) => Math.abs(level.two) >= 2 || Math.abs(all.two) >= 2,
  'R-4s': ({ z, run }) => Math.abs(z) > 2 && run.high && run.low,
  '3-1s': lasts('one', 3),
  '4-1s': lasts('one', 4),
  '6x': lasts('side', 6),
  '8x': lasts('side', 8),
  '10x': lasts('side', 10),
  '7T': ({ level }) => Math.abs(level.trend) >= 6,
};
