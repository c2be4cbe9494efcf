/**
 * Observation/$levey-jennings: control results of an analyte and an analyzer, with the rules that they break.
 *
 *   GET [base]/Observation/$levey-jennings?analyte=potassium&device=Device/1&lot=…&from=…&to=…&rule=…&picture=svg
 *
 * 200: Parameters with level… (count, mean, sd, cv), mark… (time, kind, lot, note: $analyzer-change) and point… (time, level, lot, run, value, mean, sd, z, rule…, rejected);
 * with `picture=svg` an SVG.
 */
import type { JsonObject } from '../../../fhir/json.ts';
import { outcomeError } from '../../../fhir/outcome.ts';
import type { Call } from '../../../interactions/call.ts';
import {
  chartOf,
  chartSvg,
  type ChartedPoint,
  type ChartMark,
  type LevelFigures,
} from '../../../laboratory/quality/levey-jennings.ts';
import { usualRules, westgardRules } from '../../../laboratory/quality/westgard.ts';
import { catalogueSystem } from '../../../laboratory/terms.ts';
import type { Answer, Context } from '../../../request.ts';
import { optional } from '../../administer.ts';
import { operationInput, type Input } from '../../parameters.ts';
import { missing, oneOf, textOf } from '../../request-input.ts';
import { referenceIn } from '../input.ts';
import { changeMarks } from './analyzer-changes.ts';
import { controlPoints } from './control-results.ts';

export async function leveyJennings(context: Context, call: Call): Promise<Answer> {
  const names = ['analyte', 'device', 'lot', 'from', 'to', 'rule', 'picture'];
  const input = await operationInput(context, call, names);
  const analyte = textOf(input, 'analyte', 64) ?? missing('analyte');
  const device = referenceIn(input, 'device', ['Device']) ?? missing('device');
  const lot = textOf(input, 'lot', 100);
  if (!/^[\w.-]+$/.test(analyte)) {
    throw outcomeError('invalid', 'analyte is a code of the catalogue, such as potassium.', { status: 400 });
  }
  const found = await controlPoints(context, {
    tokens: [`${catalogueSystem}|${analyte}`],
    device,
    ...dateIn(input, 'from'),
    ...dateIn(input, 'to'),
  });
  const marks = await changeMarks(context, { analyte, device, ...dateIn(input, 'from'), ...dateIn(input, 'to') });
  const rules = westgardRules.filter((rule) => input.texts('rule').includes(rule));
  const points = lot === undefined ? found : found.filter((one) => one.lot === lot);
  const chart = chartOf(`${analyte}, ${device}`, points, rules.length > 0 ? rules : usualRules);
  if (oneOf(input, 'picture', ['svg'] as const) === 'svg') {
    return {
      status: 200,
      raw: { contentType: 'image/svg+xml; charset=utf-8', body: Buffer.from(chartSvg(chart, marks)) },
    };
  }
  const parameter = [
    ...chart.levels.map(levelParameter),
    ...marks.map(markParameter),
    ...chart.points.map(pointParameter),
  ];
  return { status: 200, resource: { resourceType: 'Parameters', ...(parameter.length > 0 && { parameter }) } };
}

function dateIn(input: Input, name: 'from' | 'to'): { from?: string; to?: string } {
  const written = optional(input, name);
  if (written === undefined) return {};
  if (/^\d{4}(-\d\d(-\d\d(T[\d:.]+(Z|[+-]\d\d:\d\d))?)?)?$/.test(written)) return { [name]: written };
  throw outcomeError('invalid', `${name} is a date, not "${written.slice(0, 40)}".`, { status: 400 });
}

function levelParameter({ level, count, mean, sd, cv }: LevelFigures): JsonObject {
  return {
    name: 'level',
    part: [
      { name: 'level', valueString: level },
      { name: 'count', valueInteger: count },
      { name: 'mean', valueDecimal: mean },
      ...(sd === undefined ? [] : [{ name: 'sd', valueDecimal: sd }]),
      ...(cv === undefined ? [] : [{ name: 'cv', valueDecimal: cv }]),
    ],
  };
}

function markParameter({ time, kind, lot, note }: ChartMark): JsonObject {
  return {
    name: 'mark',
    part: [
      { name: 'time', valueDateTime: time },
      { name: 'kind', valueCode: kind },
      ...(lot === undefined ? [] : [{ name: 'lot', valueString: lot }]),
      ...(note === undefined ? [] : [{ name: 'note', valueString: note }]),
    ],
  };
}

function pointParameter(point: ChartedPoint): JsonObject {
  const { time, level, run, value, mean, sd, z, broken, rejected } = point;
  return {
    name: 'point',
    part: [
      { name: 'time', valueDateTime: time },
      { name: 'level', valueString: level },
      { name: 'run', valueString: run },
      { name: 'value', valueDecimal: value },
      { name: 'mean', valueDecimal: mean },
      { name: 'sd', valueDecimal: sd },
      { name: 'z', valueDecimal: z },
      ...broken.map((rule) => ({ name: 'rule', valueString: rule })),
      { name: 'rejected', valueBoolean: rejected },
    ],
  };
}
