/** ActivityDefinitions of the tests: those of the table, and one for each analyte that is in no table. */
import type { JsonObject } from '../../fhir/json.ts';
import { catalogueSystem, loincSystem, testProfile } from '../terms.ts';
import { codesOf, duration, extension, named, quantity, section } from './element.ts';
import { questionnaireUrl } from './questionnaire.ts';
import { cell, type Row } from './table.ts';
import type { Tables } from './tables.ts';
import { versionId, versionOf } from './version.ts';

/** The row of an analyte that can be ordered alone. */
export function testOfAnalyte(row: Row): Row {
  return { ...row, analytes: cell(row, 'code'), 'stability-hours': '', 'fasting-hours': '', questionnaire: '' };
}

/** Ids of the definitions of a type by their codes. */
export type Ids = ReadonlyMap<string, string>;

export function testUrl(code: string): string {
  return `urn:makhbar:catalogue:test:${code}`;
}

export function test(row: Row, tables: Tables, analytes: Ids, containers: Ids): JsonObject {
  const code = cell(row, 'code');
  const loinc = loincOf(row, tables);
  const results = cell(row, 'analytes').split(' ');
  const content: JsonObject = {
    extension: rulesOf(row, tables),
    identifier: [
      { system: catalogueSystem, value: code },
      // R4 finds ActivityDefinitions by no code.
      ...(loinc === '' ? [] : [{ system: loincSystem, value: loinc }]),
    ],
    url: testUrl(code),
    name: code.replace(/(^|-)(\w)/g, (_, __, letter: string) => letter.toUpperCase()),
    ...named('title', row),
    status: 'active',
    topic: [section(cell(row, 'section'), tables.sections)],
    kind: 'ServiceRequest',
    intent: 'order',
    code: codesOf({ ...row, loinc }),
    specimenRequirement: [{ reference: `SpecimenDefinition/${idOf(containers, cell(row, 'container'))}` }],
    observationResultRequirement: results.map((one) => ({
      reference: `ObservationDefinition/${idOf(analytes, one)}`,
    })),
  };
  const version = versionOf(content);
  return {
    resourceType: 'ActivityDefinition',
    id: versionId(code, version),
    meta: { profile: [testProfile] },
    version,
    ...content,
  };
}

/** A test of one analyte has its code. */
function loincOf(row: Row, { analytes }: Tables): string {
  const own = cell(row, 'loinc');
  const [only, ...others] = cell(row, 'analytes').split(' ');
  if (own !== '' || others.length > 0) return own;
  return analytes.find((one) => cell(one, 'code') === only)?.['loinc'] ?? '';
}

export function idOf(ids: Ids, code: string): string {
  const id = ids.get(code);
  if (id === undefined) throw new Error(`${code} is in no table.`);
  return id;
}

function rulesOf(row: Row, { sections, containers }: Tables): JsonObject[] {
  const ofSection = sections.find((one) => one['code'] === row['section']) ?? {};
  const container = containers.find((one) => one['code'] === row['container']) ?? {};
  const [stability, fasting, questionnaire] = [
    cell(row, 'stability-hours') || String(Math.round(Number(container['stability-days']) * 24)),
    cell(row, 'fasting-hours'),
    cell(row, 'questionnaire'),
  ];
  return [
    duration('turnaround', Number(ofSection['turnaround-hours']), 'h'),
    duration('duplicate-window', Number(ofSection['duplicate-hours']), 'h'),
    duration('stability', Number(stability), 'h'),
    extension('volume', { valueQuantity: quantity(Number(container['each']), 'mL') }),
    ...(fasting === '' ? [] : [duration('fasting', Number(fasting), 'h')]),
    ...(questionnaire === '' ? [] : [extension('questionnaire', { valueCanonical: questionnaireUrl(questionnaire) })]),
  ];
}
