/**
 * PlanDefinitions of the rules on results: one for each topic, an action for each rule, with its source.
 *
 * They are drafts: nothing is verified, ordered or repeated by them before the laboratory has tried them with its own methods
 * and sets the status `active` (CLSI AUTO10, AUTO15). A version that the catalogue replaces is a draft again.
 */
import type { JsonObject } from '../../fhir/json.ts';
import { catalogueSystem } from '../terms.ts';
import { named } from './element.ts';
import { cell, type Row } from './table.ts';
import type { Tables } from './tables.ts';
import { versionId, versionOf } from './version.ts';

const ecaRule = { system: 'http://terminology.hl7.org/CodeSystem/plan-definition-type', code: 'eca-rule' };

const titles: Readonly<Record<string, Row>> = {
  autoverification: {
    en: 'Autoverification: what a person must see',
    fr: 'Validation automatique : ce qu’une personne doit voir',
    ar: 'التحقق الآلي: ما يجب أن يراه شخص',
  },
  reflex: {
    en: 'Reflex tests: what is ordered after a result',
    fr: 'Examens réflexes : ce qui est demandé après un résultat',
    ar: 'الفحوص الانعكاسية: ما يُطلب بعد نتيجة',
  },
  repeat: {
    en: 'Repetitions: what is measured again before it is reported',
    fr: 'Répétitions : ce qui est mesuré à nouveau avant le compte rendu',
    ar: 'الإعادات: ما يُقاس مجددا قبل التقرير',
  },
};

export function resultRules(tables: Tables): JsonObject[] {
  return Object.entries(titles).map(([topic, title]) => {
    const rows = tables.rules.filter((row) => cell(row, 'topic') === topic);
    const content: JsonObject = {
      url: `urn:makhbar:catalogue:rules:${topic}`,
      name: topic.replace(/^\w/, (letter) => letter.toUpperCase()),
      ...named('title', title),
      type: { coding: [ecaRule] },
      status: 'draft',
      topic: [{ coding: [{ system: 'urn:makhbar:laboratory', code: topic }] }],
      action: rows.map((row) => action(row, tables)),
    };
    const version = versionOf(content);
    return { resourceType: 'PlanDefinition', id: versionId(topic, version), version, ...content };
  });
}

/** @throws Error for a test or a source that no table has. */
function action(row: Row, tables: Tables): JsonObject {
  const source = tables.sources.find((one) => cell(one, 'code') === cell(row, 'source'));
  if (source === undefined) throw new Error(`The source ${cell(row, 'source')} is in no table.`);
  const tests = cell(row, 'tests').split(' ').filter(Boolean);
  return {
    title: cell(row, 'title'),
    ...(tests.length > 0 && { code: tests.map((code) => ({ coding: [{ system: catalogueSystem, code }] })) }),
    documentation: [{ type: 'justification', label: cell(source, 'text') }],
    condition: [
      {
        kind: 'applicability',
        expression: { language: 'text/fhirpath', expression: cell(row, 'condition') },
      },
    ],
  };
}
