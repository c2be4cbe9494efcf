/** How much a result may differ from the last, and how it is calculated from others. */
import type { JsonObject } from '../../fhir/json.ts';
import { extension, quantity } from './element.ts';
import { cell, type Row } from './table.ts';

/** `20/7d` in the unit of the analyte, `50%/7d` in percent of the earlier value. */
export function deltaLimit(row: Row): JsonObject[] {
  const [, limit, percent, days] = /^([\d.]+)(%?)\/(\d+)d$/.exec(cell(row, 'delta')) ?? [];
  if (limit === undefined) return [];
  const value =
    percent === '%'
      ? { url: 'percent', valueDecimal: Number(limit) }
      : { url: 'absolute', valueQuantity: quantity(Number(limit), cell(row, 'unit'), cell(row, 'shown')) };
  const within = { url: 'within', valueDuration: quantity(Number(days), 'd') };
  return [extension('delta-limit', { extension: [value, within] })];
}

/** `a=analyte:unit,b=analyte:unit` */
export function calculation(row: Row): JsonObject {
  const expression = { language: 'text/fhirpath', expression: cell(row, 'formula') };
  return extension('calculation', {
    extension: [{ url: 'formula', valueExpression: expression }, ...cell(row, 'inputs').split(',').map(input)],
  });
}

function input(text: string): JsonObject {
  const [, name, code, unit] = /^(\w+)=([\w-]+):(.+)$/.exec(text) ?? [];
  if (name === undefined || code === undefined || unit === undefined) {
    throw new Error(`"${text}" is no input of a calculation.`);
  }
  return {
    url: 'input',
    extension: [
      { url: 'name', valueId: name },
      { url: 'analyte', valueCode: code },
      { url: 'unit', valueCode: unit },
    ],
  };
}
