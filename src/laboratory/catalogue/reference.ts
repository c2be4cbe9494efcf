/**
 * Intervals of an analyte. Each reference interval names its source and says that the laboratory must verify it: figures of
 * others hold for its own patients and analyzers only once it has looked (CLSI EP28).
 */
import type { JsonObject } from '../../fhir/json.ts';
import { pregnantCode } from '../interval.ts';
import { snomedSystem } from '../terms.ts';
import { extension, quantity, range } from './element.ts';
import { bounds, cell, type Row } from './table.ts';

const meanings = 'http://terminology.hl7.org/CodeSystem/referencerange-meaning';

const codes: Readonly<Record<string, string>> = {
  follicular: 'follicular',
  midcycle: 'midcycle',
  luteal: 'luteal',
  postmenopausal: 'postmenopausal',
  therapeutic: 'therapeutic',
};

const sexes: Readonly<Record<string, string>> = { m: 'male', f: 'female' };

export function referenceInterval(row: Row, analyte: Row, sources: readonly Row[]): JsonObject {
  const [meaning, sex] = [cell(row, 'meaning'), sexes[cell(row, 'sex')]];
  const age = range(ageOf(cell(row, 'from')), ageOf(cell(row, 'to')));
  return {
    extension: [extension('interval-source', { valueString: sourceOf(row, sources) })],
    category: 'reference',
    range: valuesOf(cell(row, 'low..high'), analyte),
    context: { coding: [{ system: meanings, code: codes[meaning] ?? 'normal' }] },
    ...(meaning === 'pregnant' && {
      appliesTo: [{ coding: [{ system: snomedSystem, code: pregnantCode, display: 'Pregnant' }] }],
    }),
    ...(meaning === 'fasting' && { condition: 'fasting' }),
    ...(sex !== undefined && { gender: sex }),
    ...(Object.keys(age).length > 0 && { age }),
  };
}

function sourceOf(row: Row, sources: readonly Row[]): string {
  const source = sources.find((one) => cell(one, 'code') === cell(row, 'source'));
  if (source === undefined) throw new Error(`The source ${cell(row, 'source')} is in no table.`);
  return `${cell(source, 'text')}; verify locally`;
}

/** `6a`, `3mo`, `14d`; from birth on is no bound. */
function ageOf(text: string): JsonObject | undefined {
  const [, value, unit = ''] = /^(\d+)(a|mo|wk|d|h)$/.exec(text) ?? [];
  if (value === undefined && text !== '') throw new Error(`"${text}" is no age.`);
  return value === undefined || value === '0' ? undefined : quantity(Number(value), unit);
}

function valuesOf(text: string, analyte: Row): JsonObject {
  const { low, high } = bounds(text) ?? {};
  const bound = (value: number | undefined): JsonObject | undefined =>
    value === undefined ? undefined : quantity(value, cell(analyte, 'unit'), cell(analyte, 'shown'));
  return range(bound(low), bound(high));
}

export function criticalAndPossible(analyte: Row): JsonObject[] {
  return (['critical', 'possible'] as const)
    .filter((column) => cell(analyte, column) !== '')
    .map((column) => ({
      category: column === 'possible' ? 'absolute' : column,
      range: valuesOf(cell(analyte, column), analyte),
    }));
}
