/**
 * The forms of a report on the audit log: Parameters in JSON or XML, a table (CSV), a page to print (HTML), a list (NDJSON).
 * `_format` decides before Accept; the language of a page is that of `_language`, else of Accept-Language.
 */
import { formatOf, mediaType } from '../interactions/body.ts';
import type { Call } from '../interactions/call.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { reportPolicy } from '../pages/report-document.ts';
import { chooseLanguage, languageOf, languages, texts } from '../pages/texts/language.ts';
import type { Texts } from '../pages/texts/en.ts';
import type { Answer } from '../request.ts';
import { optional } from './administer.ts';
import type { Input } from './parameters.ts';

export type ReportForm = 'fhir' | 'csv' | 'html' | 'ndjson';

const forms: ReadonlyMap<string, ReportForm> = new Map([
  ['csv', 'csv'],
  ['text/csv', 'csv'],
  ['html', 'html'],
  ['text/html', 'html'],
  ['ndjson', 'ndjson'],
  ['application/ndjson', 'ndjson'],
  ['application/fhir+ndjson', 'ndjson'],
]);

/** @param possible what the operation can give besides Parameters */
export function reportForm({ query, headers }: Call, possible: readonly ReportForm[]): ReportForm {
  const named = (text: string): ReportForm | undefined => {
    const form = forms.get(text);
    return form !== undefined && possible.includes(form) ? form : undefined;
  };
  const asked = query.find(([name]) => name === '_format')?.[1];
  if (asked !== undefined) return named(mediaType(asked.replace(/ ndjson\b/, '+ndjson')).type) ?? 'fhir';
  const ranges = (headers['accept'] ?? '*/*')
    .split(',')
    .map((text) => ({ ...mediaType(text), text }))
    .map((range) => ({ ...range, quality: Number(range.parameters['q'] ?? 1) }))
    .filter(({ quality }) => quality > 0)
    .sort((a, b) => b.quality - a.quality);
  for (const { type, text } of ranges) {
    const form =
      named(type) ?? (formatOf(text) !== undefined || /^(\*|application)\/\*$/.test(type) ? 'fhir' : undefined);
    if (form !== undefined) return form;
  }
  return 'fhir';
}

/** @throws OutcomeError `not-supported` for a language that the pages do not have. */
export function reportTexts(input: Input, { headers }: Call): Texts {
  const asked = optional(input, '_language');
  if (asked === undefined) return texts[chooseLanguage({ acceptLanguage: headers['accept-language'] })];
  const language = languageOf(asked);
  if (language !== undefined) return texts[language];
  const known = languages.map((one) => one.language).join(', ');
  throw outcomeError('not-supported', `Reports are written in ${known}, not in "${asked.slice(0, 40)}".`, {
    status: 400,
  });
}

const varying = { vary: 'accept, accept-language' };

export function fileName(name: string, extension: string, now: number): string {
  return `${name}-${new Date(now).toISOString().slice(0, 10)}.${extension}`;
}

export function csvAnswer(text: string, name: string): Answer {
  const body = Buffer.from(text);
  return {
    status: 200,
    headers: { ...varying, 'content-disposition': `attachment; filename="${name}"` },
    raw: { contentType: 'text/csv; charset=utf-8; header=present', length: body.length, body },
  };
}

export function htmlAnswer(page: string, { language }: Texts): Answer {
  const body = Buffer.from(page);
  return {
    status: 200,
    headers: { ...varying, 'content-security-policy': reportPolicy, 'content-language': language },
    raw: { contentType: 'text/html; charset=utf-8', length: body.length, body },
  };
}
