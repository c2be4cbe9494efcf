/** ObservationDefinitions of the analytes. */
import type { JsonObject } from '../../fhir/json.ts';
import { analyteProfile, catalogueSystem, snomedSystem, ucumSystem } from '../terms.ts';
import { codesOf, extension, named, section } from './element.ts';
import { calculation, deltaLimit } from './limits.ts';
import { criticalAndPossible, referenceInterval } from './reference.ts';
import { cell, type Row } from './table.ts';
import type { Tables } from './tables.ts';
import { versionId, versionOf } from './version.ts';

const types: Readonly<Record<string, string>> = { q: 'Quantity', c: 'CodeableConcept', s: 'string', t: 'Ratio' };

export function analyte(row: Row, tables: Tables): JsonObject {
  const code = cell(row, 'code');
  const [kind = '', values] = cell(row, 'type').split(':');
  const details = quantitative(row);
  const content: JsonObject = {
    ...withExtensions(row, tables, values),
    category: [section(cell(row, 'section'), tables.sections)],
    code: codesOf(row),
    permittedDataType: [types[kind] ?? 'string'],
    ...named('preferredReportName', row),
    ...(details && { quantitativeDetails: details }),
    ...withIntervals(row, tables),
  };
  const version = versionOf(content);
  return {
    resourceType: 'ObservationDefinition',
    id: versionId(code, version),
    meta: { profile: [analyteProfile] },
    ...content,
    extension: [extension('definition-version', { valueString: version }), ...list(content['extension'])],
    identifier: [{ system: catalogueSystem, value: code }],
  };
}

function list(value: JsonObject[string] | undefined): JsonObject[] {
  return (value ?? []) as JsonObject[];
}

function quantitative(row: Row): JsonObject | undefined {
  const [code, shown, decimals] = [cell(row, 'unit'), cell(row, 'shown'), cell(row, 'decimals')];
  if (code === '') return undefined;
  return {
    unit: { coding: [{ system: ucumSystem, code }], text: shown === '' ? code : shown },
    decimalPrecision: Number(decimals),
  };
}

function withExtensions(row: Row, tables: Tables, values: string | undefined): JsonObject {
  const found = [
    ...tables.values.filter((one) => values !== undefined && cell(one, 'set') === values).map(codedValue),
    ...deltaLimit(row),
    ...tables.calculations.filter((one) => cell(one, 'analyte') === cell(row, 'code')).map(calculation),
  ];
  return found.length === 0 ? {} : { extension: found };
}

function codedValue(row: Row): JsonObject {
  const [code, interpretation] = [cell(row, 'code'), cell(row, 'interpretation')];
  const system = /^\d+$/.test(code) ? snomedSystem : catalogueSystem;
  const coding = { system, code, ...named('display', { ...row, en: cell(row, 'display') }) };
  return extension('coded-value', {
    extension: [
      { url: 'value', valueCoding: coding },
      ...(interpretation === '' ? [] : [{ url: 'interpretation', valueCode: interpretation }]),
    ],
  });
}

function withIntervals(row: Row, tables: Tables): JsonObject {
  const own = tables.intervals.filter((one) => cell(one, 'analyte') === cell(row, 'code'));
  const found = [...own.map((one) => referenceInterval(one, row, tables.sources)), ...criticalAndPossible(row)];
  return found.length === 0 ? {} : { qualifiedInterval: found };
}
