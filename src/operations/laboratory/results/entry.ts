/** The parameters of $enter-results, each with the sentence that refuses another. */
import { numberText, type JsonObject } from '../../../fhir/json.ts';
import { outcomeError } from '../../../fhir/outcome.ts';
import { placeOfResult } from '../../../laboratory/result/place.ts';
import type { Given } from '../../../laboratory/result/value.ts';
import { isObject, object, text } from '../../../laboratory/terms.ts';
import type { Input } from '../../parameters.ts';
import { missing } from '../../request-input.ts';

/** Of one call. */
const mostResults = 1_000;

export interface Entry {
  /** Where it stood in what was sent, for issues about it. */
  readonly place?: string;
  readonly analyte: string;
  readonly given: Given;
  readonly flags: readonly string[];
  readonly comments: readonly string[];
  /** Codes of the laboratory's comments. */
  readonly commentCodes: readonly string[];
  readonly method?: JsonObject;
  /** Of a culture that grew: its organisms, and how its result is flagged. */
  readonly members?: readonly string[];
  readonly interpretation?: string;
  /** By which the measurement is found again, and as the instrument wrote it. */
  readonly identifier?: JsonObject;
  readonly measured?: string;
}

const known = [
  'analyte',
  'value',
  'unit',
  'dilution',
  'flag',
  'comment',
  'comment-code',
  'method',
  'identifier',
  'measured',
];

export function entriesIn(input: Input): Entry[] {
  const entries = input.parts('result').map((parts, n) => ({ ...entryOf(parts), place: placeOfResult(n) }));
  if (entries.length === 0) missing('result');
  if (entries.length > mostResults) {
    throw outcomeError('too-costly', `$enter-results takes ${mostResults} results at most, not ${entries.length}.`);
  }
  return entries;
}

/** @throws OutcomeError for an unknown or missing part. */
export function entryOf(parts: readonly JsonObject[]): Entry {
  const other = parts.find(({ name }) => !known.includes(String(name)));
  if (other !== undefined) {
    throw outcomeError('not-supported', `result has no part "${String(other['name']).slice(0, 60)}".`, { status: 400 });
  }
  const analyte = textPart(parts, 'analyte') ?? missing('analyte');
  const method = parts.find(({ name }) => name === 'method')?.['valueCodeableConcept'];
  const identifier = parts.find(({ name }) => name === 'identifier')?.['valueIdentifier'];
  const [measured] = textParts(parts, 'measured', 500);
  return {
    analyte,
    given: givenIn(parts),
    flags: textParts(parts, 'flag', 100),
    comments: textParts(parts, 'comment', 2_000),
    commentCodes: textParts(parts, 'comment-code', 60),
    ...(isObject(method) && { method }),
    ...(isObject(identifier) && { identifier }),
    ...(measured !== undefined && { measured }),
  };
}

function givenIn(parts: readonly JsonObject[]): Given {
  const value = parts.find(({ name }) => name === 'value') ?? missing('value');
  const [unit, dilution] = [textPart(parts, 'unit'), textPart(parts, 'dilution')];
  const key = Object.keys(value).find((one) => /^value[A-Z]/.test(one)) ?? missing('value');
  const more = { ...(unit !== undefined && { unit }), ...(dilution !== undefined && { dilution }) };
  if (key === 'valueString' || key === 'valueCode') return { text: String(value[key]), ...more };
  if (typeof value[key] === 'number') return { text: numberText(value, key), ...more };
  if (key === 'valueCoding') return { element: { valueCodeableConcept: { coding: [object(value[key])] } }, ...more };
  return { element: { [key]: value[key] ?? null }, ...more };
}

function textPart(parts: readonly JsonObject[], name: string): string | undefined {
  const part = parts.find((one) => one['name'] === name);
  if (part === undefined) return undefined;
  const key = Object.keys(part).find((one) => /^value[A-Z]/.test(one)) ?? '';
  const coding = object(part[key]);
  if (coding['code'] !== undefined) return `${text(coding['system']) ?? ''}|${text(coding['code']) ?? ''}`;
  return typeof part[key] === 'number' ? numberText(part, key) : text(part[key]);
}

function textParts(parts: readonly JsonObject[], name: string, longest: number): string[] {
  return parts
    .filter((one) => one['name'] === name)
    .map((one) => {
      const written = textPart([one], name)?.trim() ?? '';
      if (written !== '' && written.length <= longest && !written.includes('\0') && written.isWellFormed())
        return written;
      throw outcomeError('invalid', `${name} takes 1 to ${longest} characters.`, { status: 400 });
    });
}
