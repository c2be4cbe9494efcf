/**
 * A catalogue: tables → FHIR definitions, in an order in which each names only what stands before it.
 *
 * 1. The same tables give the same resources with the same ids.
 * 2. A resource is never changed: what says something else is another version with another id (version.ts).
 */
import type { JsonObject } from '../../fhir/json.ts';
import { analyte } from './analyte.ts';
import { antibiogram, resultComments } from './antibiogram.ts';
import { container } from './container.ts';
import { panel } from './panel.ts';
import { questionnaires } from './questionnaire.ts';
import { resultRules } from './rules.ts';
import { cell, type Row } from './table.ts';
import type { Tables } from './tables.ts';
import { test, testOfAnalyte, type Ids } from './test.ts';

export function catalogue(tables: Tables): JsonObject[] {
  const containers = tables.containers.map(container);
  const analytes = tables.analytes.map((row) => analyte(row, tables));
  const [ofContainers, ofAnalytes] = [ids(tables.containers, containers), ids(tables.analytes, analytes)];
  const rows = testRows(tables);
  const tests = rows.map((row) => test(row, tables, ofAnalytes, ofContainers));
  const canonicals = new Map(
    rows.map((row, i) => [cell(row, 'code'), `${String(tests[i]?.['url'])}|${String(tests[i]?.['version'])}`]),
  );
  const panels = tables.panels.map((row) => panel(row, tables, canonicals));
  return [
    ...questionnaires(tables.questionnaires),
    antibiogram(tables),
    resultComments(tables.comments),
    ...containers,
    ...analytes,
    ...tests,
    ...panels,
    ...resultRules(tables),
  ];
}

function testRows({ analytes, tests }: Tables): Row[] {
  const own = new Set(tests.map((row) => cell(row, 'code')));
  return [...tests, ...analytes.filter((row) => !own.has(cell(row, 'code'))).map(testOfAnalyte)];
}

function ids(rows: readonly Row[], resources: readonly JsonObject[]): Ids {
  return new Map(rows.map((row, i) => [cell(row, 'code'), String(resources[i]?.['id'])]));
}
