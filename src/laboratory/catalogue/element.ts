/** Elements of definitions: quantities, codings, names with translations. */
import type { JsonObject } from '../../fhir/json.ts';
import {
  catalogueSystem,
  extensionUrl,
  loincSystem,
  sectionSystem,
  translationExtension,
  ucumSystem,
  type ExtensionName,
} from '../terms.ts';
import { cell, type Row } from './table.ts';

export function quantity(value: number, code: string, unit = code): JsonObject {
  return { value, unit: unit === '' ? code : unit, system: ucumSystem, code };
}

/** Bounds of a Range. */
export function range(low: JsonObject | undefined, high: JsonObject | undefined): JsonObject {
  return { ...(low && { low }), ...(high && { high }) };
}

/** `member` in English, with French and Arabic as translations. */
export function named(member: string, row: Row): JsonObject {
  return {
    [member]: cell(row, 'en'),
    [`_${member}`]: {
      extension: (['fr', 'ar'] as const).map((language) => translation(language, cell(row, language))),
    },
  };
}

function translation(lang: string, content: string): JsonObject {
  return {
    url: translationExtension,
    extension: [
      { url: 'lang', valueCode: lang },
      { url: 'content', valueString: content },
    ],
  };
}

/** The codes of an analyte or a test: LOINC where there is one, and the laboratory's. */
export function codesOf(row: Row): JsonObject {
  const [code, loinc, en] = [cell(row, 'code'), cell(row, 'loinc'), cell(row, 'en')];
  return {
    coding: [
      ...(loinc === '' ? [] : [{ system: loincSystem, code: loinc }]),
      { system: catalogueSystem, code, display: en },
    ],
    text: en,
  };
}

export function section(code: string, sections: readonly Row[]): JsonObject {
  const row = sections.find((one) => one['code'] === code);
  if (row === undefined) throw new Error(`The section ${code} is in no table.`);
  return { coding: [{ system: sectionSystem, code, ...named('display', row) }] };
}

export function extension(name: ExtensionName, value: JsonObject): JsonObject {
  return { url: extensionUrl(name), ...value };
}

export function duration(name: ExtensionName, value: number, code: string): JsonObject {
  return extension(name, { valueDuration: quantity(value, code) });
}
