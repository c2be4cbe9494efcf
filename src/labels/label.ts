/** What stands on the label of a specimen: only what is needed at the bedside and at the bench. */
import type { JsonObject } from '../fhir/json.ts';
import { numberOf } from '../laboratory/specimen.ts';
import { object, objects, text } from '../laboratory/terms.ts';

export const symbologies = ['code128', 'datamatrix'] as const;

export type Symbology = (typeof symbologies)[number];

export interface Label {
  readonly number: string;
  readonly symbology: Symbology;
  /** Family name first. */
  readonly name: string;
  readonly identifier: string;
  /** `1987-03-09 F` */
  readonly birthAndSex: string;
  readonly container: string;
  /** Short names of tests, as far as they fit. */
  readonly tests: string;
  readonly urgent: boolean;
}

/** Millimetres. */
export const labelSize = { width: 50, height: 25 };

const longestTests = 40;

export function labelOf(
  specimen: JsonObject,
  patient: JsonObject | undefined,
  { tests, urgent, symbology }: { tests: readonly string[]; urgent: boolean; symbology: Symbology },
): Label {
  const { family, given, text: whole } = object(objects(patient?.['name'])[0]);
  const parts = [family, ...(Array.isArray(given) ? given : [])].filter((one) => typeof one === 'string');
  const [sex = ''] = text(patient?.['gender'])?.toUpperCase() ?? '';
  const listed = tests.join(' ');
  return {
    number: numberOf(specimen),
    symbology,
    name: plain(parts.length > 0 ? parts.join(' ') : (text(whole) ?? '')),
    identifier: plain(text(objects(patient?.['identifier'])[0]?.['value']) ?? ''),
    birthAndSex: plain([text(patient?.['birthDate']) ?? '', sex === 'M' || sex === 'F' ? sex : ''].join(' ').trim()),
    container: plain(text(objects(specimen['container'])[0]?.['description']) ?? ''),
    tests: listed.length > longestTests ? `${listed.slice(0, longestTests - 1)}…` : listed,
    urgent,
  };
}

/** One line, without what could steer a printer. */
function plain(value: string): string {
  return value
    .replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, ' ')
    .trim()
    .slice(0, 80);
}
