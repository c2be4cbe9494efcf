/**
 * Susceptibility: a minimum inhibitory concentration (mg/L) or a zone (mm) against breakpoints, which are data
 * (seed/breakpoints.csv, or the laboratory's own).
 *
 * 1. Concentrations are doubling dilutions: one between two steps (gradient strips) counts as the higher (EUCAST reading
 *    guide, CLSI M100), and `>16` says at least 32.
 * 2. What was read as `<=` or `>` is S or R only where all that it may be is; what reaches over a breakpoint is nothing.
 * 3. What is neither S nor R is I: EUCAST "susceptible, increased exposure", CLSI "intermediate".
 * 4. Where an organism is intrinsically resistant it is R whatever was measured.
 * 5. The breakpoint of the species goes before that of its group.
 */
export type Method = 'mic' | 'disk';
export type Category = 'S' | 'I' | 'R';

export interface Reading {
  readonly comparator?: '<' | '<=' | '>=' | '>';
  readonly value: string;
}

export interface Breakpoint {
  readonly standard: string;
  readonly version: string;
  readonly organism: string;
  readonly drug: string;
  readonly method: Method;
  /** Without it nothing is S: EUCAST writes 0.001 mg/L or 50 mm where only the increased exposure is effective. */
  readonly susceptible?: Bound;
  readonly resistant: Bound;
}

export interface Bound {
  readonly comparator: '<' | '<=' | '>=' | '>';
  readonly value: number;
}

export interface Organism {
  readonly code: string;
  readonly groups: readonly string[];
}

export interface Judged {
  readonly category?: Category;
  /** By what: `EUCAST 14.0: S <=8, R >8`, or why there is none. */
  readonly because: string;
}

/** `<=0.25`, `> 32`, `17` */
export function readingOf(written: string): Reading | undefined {
  const [, comparator, value] = /^(<=|>=|<|>|≤|≥)?\s*(\d{1,6}(?:\.\d{1,6})?)$/.exec(written.trim()) ?? [];
  if (value === undefined || Number(value) === 0) return undefined;
  const plain = comparator === '≤' ? '<=' : comparator === '≥' ? '>=' : comparator;
  return { value, ...(plain !== undefined && { comparator: plain as NonNullable<Reading['comparator']> }) };
}

export function chooseBreakpoint(
  breakpoints: readonly Breakpoint[],
  { code, groups }: Organism,
  asked: { readonly drug: string; readonly method: Method; readonly standard?: string },
): Breakpoint | undefined {
  const own = breakpoints.filter(
    ({ drug, method, standard }) =>
      drug === asked.drug && method === asked.method && (asked.standard ?? standard) === standard,
  );
  const standard = own[0]?.standard;
  return [code, ...groups]
    .map((one) => own.find((row) => row.organism === one && row.standard === standard))
    .find((row) => row !== undefined);
}

export function judge(reading: Reading, breakpoint: Breakpoint): Judged {
  const { standard, version, method, susceptible, resistant } = breakpoint;
  const span = spanOf(reading, method);
  const isS = susceptible === undefined ? 'none' : holds(span, susceptible, method);
  const isR = holds(span, resistant, method);
  const because = `${standard} ${version}: ${susceptible === undefined ? 'never S' : `S ${said(susceptible)}`}, R ${said(resistant)}`;
  if (isS === 'all') return { category: 'S', because };
  if (isR === 'all') return { category: 'R', because };
  if (isS === 'none' && isR === 'none') return { category: 'I', because };
  return { because: `${because}; what was read reaches over a breakpoint` };
}

function said({ comparator, value }: Bound): string {
  return `${comparator}${value}`;
}

/** From low to high, both included. */
interface Span {
  readonly low: number;
  readonly high: number;
}

function spanOf({ comparator, value: written }: Reading, method: Method): Span {
  const value = method === 'mic' ? dilutionOf(Number(written)) : Number(written);
  const [below, above] = method === 'mic' ? [value / 2, value * 2] : [value - 1, value + 1];
  if (comparator === '<') return { low: 0, high: below };
  if (comparator === '<=') return { low: 0, high: value };
  if (comparator === '>') return { low: above, high: Infinity };
  if (comparator === '>=') return { low: value, high: Infinity };
  return { low: value, high: value };
}

/** Steps are written rounded (0.06, 0.12, 0.03): a tenth more is the same step, by agreement of the strips' makers. */
const rounding = 1.1;

function dilutionOf(value: number): number {
  const step = Math.ceil(Math.log2(value / rounding));
  return 2 ** step;
}

function holds({ low, high }: Span, { comparator, value: written }: Bound, method: Method): 'all' | 'some' | 'none' {
  const value = method === 'mic' ? dilutionOf(written) : written;
  const upward = comparator.startsWith('>');
  const meets = (one: number): boolean =>
    comparator.length === 2 && one === value ? true : upward ? one > value : one < value;
  const [best, worst] = upward ? [high, low] : [low, high];
  if (meets(worst)) return 'all';
  return meets(best) ? 'some' : 'none';
}

/** Intrinsic resistance of the organism or of one of its groups. */
export function isIntrinsic(
  resistances: readonly { readonly organism: string; readonly drug: string }[],
  { code, groups }: Organism,
  drug: string,
): boolean {
  return resistances.some((row) => row.drug === drug && [code, ...groups].includes(row.organism));
}
