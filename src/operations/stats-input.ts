/**
 * The input of Observation/$stats, checked. https://hl7.org/fhir/R4/observation-operation-stats.html
 */
import type { JsonObject } from '../fhir/json.ts';
import { outcomeError } from '../fhir/outcome.ts';
import type { Call } from '../interactions/call.ts';
import type { Context } from '../request.ts';
import { operationInput, type Input } from './parameters.ts';
import type { Coding } from './stats-measurements.ts';
import { statistics } from './stats-numbers.ts';

export interface StatsInput {
  readonly subject: string;
  readonly codings: readonly Coding[];
  /** Codes of statistics. */
  readonly codes: readonly string[];
  readonly period: JsonObject | undefined;
  /** The period as search parameters. */
  readonly dates: [string, string][];
  /** How many of the source Observations are wanted. */
  readonly include: number;
}

/** Codings and statistics in one call: each statistic of each is calculated. */
const most = 50;

const names = ['subject', 'code', 'system', 'coding', 'duration', 'period', 'statistic', 'include', 'limit'];

export async function statsInput(context: Context, call: Call): Promise<StatsInput> {
  const input = await operationInput(context, call, names);
  const complex = call.query.find(([name]) => name === 'coding' || name === 'period');
  if (complex !== undefined) {
    throw refused(
      `${complex[0]} is no primitive value: send it in Parameters by POST, or use code, system and duration.`,
    );
  }
  const subject = single(input, 'subject');
  if (subject === undefined || subject === '') throw refused('$stats needs a subject, as in Patient/123.');
  const period = periodOf(input);
  return {
    subject,
    codings: codingsOf(input),
    codes: codesOf(input),
    period,
    dates: [
      ...(typeof period?.['start'] === 'string' ? [['date', `ge${period['start']}`] as [string, string]] : []),
      ...(typeof period?.['end'] === 'string' ? [['date', `le${period['end']}`] as [string, string]] : []),
    ],
    include: includeOf(input),
  };
}

function refused(sentence: string): Error {
  return outcomeError('invalid', sentence, { status: 400 });
}

function single(input: Input, name: string): string | undefined {
  const values = input.texts(name);
  if (values.length > 1) throw refused(`${name} may be given once.`);
  return values[0];
}

function codingsOf(input: Input): Coding[] {
  const codes = input.texts('code');
  const system = single(input, 'system');
  if (codes.length > 0 && system === undefined) throw refused('A code needs its system; without one send a coding.');
  const plain = codes.map((code) => ({ system: system ?? '', code }));
  const codings = [...plain, ...input.values('coding').map(codingOf)];
  if (codings.length === 0) throw refused('$stats needs a code with its system, or a coding.');
  if (codings.some(({ code }) => code === '')) throw refused('A code must not be empty.');
  if (codings.length > most) throw refused(`At most ${most} codes can be asked for at once.`);
  return codings;
}

function codingOf({ system, code, display }: JsonObject): Coding {
  if (typeof code !== 'string' || typeof system !== 'string') throw refused('A coding needs a system and a code.');
  return { system, code, ...(typeof display === 'string' && { display }) };
}

function codesOf(input: Input): string[] {
  const codes = [...new Set(input.texts('statistic').flatMap((text) => text.split(',')))];
  if (codes.length === 0) throw refused('$stats needs a statistic, such as average.');
  const offered = [...Object.keys(statistics), 'regression'];
  const unknown = codes.find((code) => !offered.includes(code));
  if (unknown !== undefined) {
    throw refused(`"${unknown.slice(0, 40)}" is no statistic; possible are ${offered.join(', ')}.`);
  }
  return codes;
}

/** Hours that a Date can count back. */
const longest = 1_000_000;

/** A duration ends now; it goes before a period, which counts where there is none. */
function periodOf(input: Input): JsonObject | undefined {
  const duration = single(input, 'duration');
  if (duration === undefined) {
    const { start, end } = input.value('period') ?? {};
    const given = { ...(start !== undefined && { start }), ...(end !== undefined && { end }) };
    return Object.keys(given).length === 0 ? undefined : given;
  }
  const hours = /^\d+(\.\d+)?$/.test(duration) ? Number(duration) : 0;
  if (hours <= 0 || hours > longest)
    throw refused(`duration must be a positive number of hours, not "${duration.slice(0, 40)}".`);
  const now = Date.now();
  return { start: new Date(now - hours * 3_600_000).toISOString(), end: new Date(now).toISOString() };
}

function includeOf(input: Input): number {
  const include = single(input, 'include') ?? 'false';
  if (include !== 'true' && include !== 'false') throw refused('include must be true or false.');
  if (include === 'false') return 0;
  const limit = single(input, 'limit');
  if (limit !== undefined && !/^[1-9]\d{0,8}$/.test(limit)) throw refused('limit must be a positive whole number.');
  return limit === undefined ? Infinity : Number(limit);
}
