/** Questionnaires of what must be known with an order. */
import type { JsonObject } from '../../fhir/json.ts';
import { catalogueSystem } from '../terms.ts';
import { named } from './element.ts';
import { cell, type Row } from './table.ts';
import { versionId, versionOf } from './version.ts';

export function questionnaireUrl(code: string): string {
  return `urn:makhbar:catalogue:questionnaire:${code}`;
}

/** One for each code of the first column. */
export function questionnaires(rows: readonly Row[]): JsonObject[] {
  return [...Map.groupBy(rows, (row) => cell(row, 'questionnaire'))].map(([code, items]) => questionnaire(code, items));
}

function questionnaire(code: string, rows: readonly Row[]): JsonObject {
  const content: JsonObject = {
    url: questionnaireUrl(code),
    identifier: [{ system: catalogueSystem, value: code }],
    name: code.replace(/(^|-)(\w)/g, (_, __, letter: string) => letter.toUpperCase()),
    status: 'active',
    subjectType: ['Patient'],
    item: rows.map((row) => ({
      linkId: cell(row, 'item'),
      ...named('text', row),
      type: cell(row, 'type'),
      required: cell(row, 'required') === 'yes',
    })),
  };
  const version = versionOf(content);
  return { resourceType: 'Questionnaire', id: versionId(code, version), version, ...content };
}
