/**
 * Observation/$laboratory-statistics: volumes, turnaround, rejections, critical results, verification and controls of a time.
 *
 *   GET [base]/Observation/$laboratory-statistics?start=2026-01-01&end=2026-01-31&interval=day
 *   200: Parameters with row… (measure, of?, period?, value, unit), or a table with _format=csv
 *
 * Days are those of the laboratory's time zone, `end` among them; 366 at most. For who may see all orders, specimens, results and
 * tasks: numbers of a part would be taken for those of the whole. laboratory/statistics.ts says what counts when.
 */
import { permitsWhole } from '../../access/permits.ts';
import type { JsonObject } from '../../fhir/json.ts';
import { outcomeError } from '../../fhir/outcome.ts';
import type { Call } from '../../interactions/call.ts';
import { parseStored } from '../../interactions/document.ts';
import { findMatches } from '../../interactions/matches.ts';
import { makeStatistics, type Interval, type Row, type Statistics } from '../../laboratory/statistics.ts';
import type { Answer, Context } from '../../request.ts';
import { operationInput } from '../parameters.ts';
import { csvAnswer, fileName, reportForm } from '../report-form.ts';
import { missing, oneOf, textOf } from '../request-input.ts';
import { controlCategory } from './quality/control-results.ts';
import { criticalCode, taskSystem } from './results/critical.ts';

const day = 86_400_000;
const mostDays = 366;
/** Resources of one type and one day, which are held at once; and all that is read. */
const atOnce = 20_000;
const mostOfAll = 1_000_000;

const kinds = [
  ['order', 'ServiceRequest', 'authored', []],
  ['specimen', 'Specimen', 'collected', []],
  ['result', 'Observation', 'date', [['category', 'laboratory']]],
  ['control', 'Observation', 'date', [['category', `${controlCategory.system}|${controlCategory.code}`]]],
  ['call', 'Task', 'authored-on', [['code', `${taskSystem}|${criticalCode}`]]],
] as const;

export async function laboratoryStatistics(context: Context, call: Call): Promise<Answer> {
  for (const type of ['ServiceRequest', 'Specimen', 'Observation', 'Task']) {
    if (permitsWhole(context.caller.permits, 's', type)) continue;
    throw outcomeError('forbidden', `Statistics are for those who may search every ${type}.`);
  }
  const input = await operationInput(context, call, ['start', 'end', 'interval']);
  const start = dayIn('start', textOf(input, 'start', 10) ?? missing('start'));
  const end = dayIn('end', textOf(input, 'end', 10) ?? missing('end'));
  const interval: Interval = oneOf(input, 'interval', ['day', 'month', 'all'] as const) ?? 'all';
  const days = (end - start) / day + 1;
  if (days < 1 || days > mostDays) {
    throw outcomeError('invalid', `end is a day from start on, of ${mostDays} days at most.`, { status: 400 });
  }
  const statistics = makeStatistics(interval, context.tenant.settings.timezone ?? 'UTC');
  let read = 0;
  for (let at = start; at <= end; at += day) {
    read += await tellOfDay(context, statistics, new Date(at).toISOString().slice(0, 10));
    if (read > mostOfAll) {
      throw outcomeError('too-costly', `More than ${mostOfAll} resources are of this time; ask for a shorter one.`);
    }
  }
  const rows = statistics.rows();
  if (reportForm(call, ['csv']) === 'csv') {
    return csvAnswer(csvOf(rows), fileName('laboratory-statistics', 'csv', Date.now()));
  }
  const parameter = rows.map(parameterOf);
  return { status: 200, resource: { resourceType: 'Parameters', ...(parameter.length > 0 && { parameter }) } };
}

function dayIn(name: string, written: string): number {
  const at = /^\d{4}-\d\d-\d\d$/.test(written) ? Date.parse(`${written}T00:00:00Z`) : Number.NaN;
  if (!Number.isNaN(at) && new Date(at).toISOString().startsWith(written)) return at;
  throw outcomeError('invalid', `${name} is a day such as 2026-01-31, not "${written.slice(0, 20)}".`, { status: 400 });
}

/** Orders and specimens first: results ask for their times. */
async function tellOfDay(context: Context, statistics: Statistics, date: string): Promise<number> {
  let read = 0;
  for (const [kind, type, parameter, criteria] of kinds) {
    const found = await findMatches(context, type, [[parameter, date], ...criteria], atOnce + 1);
    if (found.length > atOnce) {
      throw outcomeError('too-costly', `More than ${atOnce} ${type} are of ${date}: too many to count at once.`);
    }
    for (const { text } of found) statistics[kind](parseStored(text));
    read += found.length;
  }
  return read;
}

function parameterOf({ measure, of, period, value, unit }: Row): JsonObject {
  return {
    name: 'row',
    part: [
      { name: 'measure', valueCode: measure },
      ...(of === '' ? [] : [{ name: 'of', valueString: of }]),
      ...(period === '' ? [] : [{ name: 'period', valueDate: period }]),
      { name: 'value', valueDecimal: value },
      { name: 'unit', valueCode: unit },
    ],
  };
}

function csvOf(rows: readonly Row[]): string {
  // What begins a formula in a spreadsheet is text here.
  const cell = (written: string): string => `"${written.replaceAll('"', '""').replace(/^(?=[=+\-@\t\r])/, "'")}"`;
  const lines = rows.map(({ measure, of, period, value, unit }) =>
    [cell(measure), cell(of), cell(period), String(value), cell(unit)].join(','),
  );
  return ['measure,of,period,value,unit', ...lines, ''].join('\r\n');
}
