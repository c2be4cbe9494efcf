/** PlanDefinitions of the panels: an action for each test, which is named by its version. */
import type { JsonObject } from '../../fhir/json.ts';
import { catalogueSystem, loincSystem, panelProfile } from '../terms.ts';
import { named, section } from './element.ts';
import { cell, type Row } from './table.ts';
import type { Tables } from './tables.ts';
import { idOf, type Ids } from './test.ts';
import { versionId, versionOf } from './version.ts';

const orderSet = { system: 'http://terminology.hl7.org/CodeSystem/plan-definition-type', code: 'order-set' };

export function panelUrl(code: string): string {
  return `urn:makhbar:catalogue:panel:${code}`;
}

/** `tests`: canonical URLs with versions by code. */
export function panel(row: Row, tables: Tables, tests: Ids): JsonObject {
  const [code, loinc] = [cell(row, 'code'), cell(row, 'loinc')];
  const content: JsonObject = {
    identifier: [
      { system: catalogueSystem, value: code },
      ...(loinc === '' ? [] : [{ system: loincSystem, value: loinc }]),
    ],
    url: panelUrl(code),
    name: code.replace(/(^|-)(\w)/g, (_, __, letter: string) => letter.toUpperCase()),
    ...named('title', row),
    type: { coding: [orderSet] },
    status: 'active',
    topic: [section(cell(row, 'section'), tables.sections)],
    action: cell(row, 'tests')
      .split(' ')
      .map((test) => ({ definitionCanonical: idOf(tests, test) })),
  };
  const version = versionOf(content);
  return {
    resourceType: 'PlanDefinition',
    id: versionId(code, version),
    meta: { profile: [panelProfile] },
    version,
    ...content,
  };
}
