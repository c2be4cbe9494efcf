/** What an Observation says, as text: digits exactly as they are stored. https://hl7.org/fhir/R4/observation.html */
import { numberText, type JsonObject } from '../fhir/json.ts';
import { codings, isObject, names, object, objects, text } from '../laboratory/terms.ts';
import type { Words } from './words/en.ts';
import { fromLeft, inDigits, plain, type Digits } from './written.ts';

export interface Value {
  readonly text: string;
  readonly unit: string;
}

/** How it is written, and in which words. */
export interface Hand {
  readonly words: Words;
  readonly digits: Digits;
  /** Translations of coded values by `system|code`: what the catalogue says. */
  readonly coded: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

/** Undefined where it has none. */
export function valueOf(observation: JsonObject, hand: Hand): Value | undefined {
  const quantity = observation['valueQuantity'];
  if (isObject(quantity)) return { text: quantityText(quantity, hand), unit: unitText(quantity) };
  const concept = observation['valueCodeableConcept'];
  if (isObject(concept)) return { text: conceptText(concept, hand), unit: '' };
  const ratio = observation['valueRatio'];
  if (isObject(ratio)) return { text: ratioText(ratio, hand), unit: unitText(object(ratio['numerator'])) };
  const range = observation['valueRange'];
  if (isObject(range)) return { text: rangeText(range, hand), unit: rangeUnit(range) };
  if (typeof observation['valueBoolean'] === 'boolean') {
    return { text: observation['valueBoolean'] ? hand.words.positive : hand.words.negative, unit: '' };
  }
  if (typeof observation['valueInteger'] === 'number') {
    return { text: fromLeft(inDigits(numberText(observation, 'valueInteger'), hand.digits)), unit: '' };
  }
  const plainText = text(observation['valueString']) ?? text(observation['valueDateTime']);
  if (plainText !== undefined) return { text: plain(plainText), unit: '' };
  const absent = observation['dataAbsentReason'];
  return isObject(absent) ? { text: conceptText(absent, hand), unit: '' } : undefined;
}

function quantityText(quantity: JsonObject, { digits }: Hand): string {
  if (typeof quantity['value'] !== 'number') return '';
  const comparator = text(quantity['comparator']);
  return fromLeft(
    `${comparator === undefined ? '' : `${comparator} `}${inDigits(numberText(quantity, 'value'), digits)}`,
  );
}

function unitText(quantity: JsonObject): string {
  const unit = text(quantity['unit']) ?? text(quantity['code']) ?? '';
  return unit === '1' || unit === '{titer}' ? '' : fromLeft(plain(unit));
}

/** In the words of the catalogue or of the code itself; else as it was written. */
export function conceptText(concept: JsonObject, { words, coded }: Pick<Hand, 'words' | 'coded'>): string {
  for (const coding of codings(concept)) {
    const own = names(coding, 'display');
    const known = coded.get(`${text(coding['system']) ?? ''}|${text(coding['code']) ?? ''}`);
    const found = own.get(words.language) ?? known?.get(words.language);
    if (found !== undefined && (words.language !== 'en' || text(concept['text']) === undefined)) return plain(found);
  }
  const [first] = codings(concept);
  return plain(text(concept['text']) ?? text(first?.['display']) ?? text(first?.['code']) ?? '');
}

function ratioText(ratio: JsonObject, { digits }: Hand): string {
  const sides = [object(ratio['numerator']), object(ratio['denominator'])].map((side) =>
    typeof side['value'] === 'number' ? `${text(side['comparator']) ?? ''}${numberText(side, 'value')}` : '1',
  );
  return fromLeft(inDigits(sides.join(':'), digits));
}

/** `3.5 – 5.1`, `≤ 5.1`, `≥ 3.5` */
function rangeText(range: JsonObject, { digits }: Hand): string {
  const side = (member: 'low' | 'high'): string | undefined => {
    const quantity = object(range[member]);
    return typeof quantity['value'] === 'number' ? inDigits(numberText(quantity, 'value'), digits) : undefined;
  };
  const [low, high] = [side('low'), side('high')];
  if (low !== undefined && high !== undefined) return fromLeft(`${low} – ${high}`);
  if (high !== undefined) return fromLeft(`≤ ${high}`);
  return low === undefined ? '' : fromLeft(`≥ ${low}`);
}

function rangeUnit(range: JsonObject): string {
  return unitText(object(range['low'])) || unitText(object(range['high']));
}

/** Reference intervals, each with its meaning where there are several or it is not the normal one. */
export function intervalTexts(observation: JsonObject, hand: Hand): string[] {
  return objects(observation['referenceRange']).flatMap((range) => {
    const meaning = text(codings(range['type'])[0]?.['code']);
    if (meaning === 'critical' || meaning === 'absolute') return [];
    const bounds = rangeText(range, hand) || (text(range['text']) ?? '');
    if (bounds === '' || bounds === 'none') return [];
    const shown =
      meaning === undefined || meaning === 'normal' ? '' : `${plain(conceptText(object(range['type']), hand))}: `;
    return [`${shown}${bounds}`];
  });
}

/** The code of its interpretation; N and nothing are no flag. */
export function flagOf(observation: JsonObject): string | undefined {
  const all = objects(observation['interpretation']).flatMap((one) => text(codings(one)[0]?.['code']) ?? []);
  return all.find((code) => code !== 'N' && code !== 'NEG');
}

export function isCritical(flag: string | undefined): boolean {
  return flag === 'HH' || flag === 'LL' || flag === 'AA' || flag === 'HU' || flag === 'LU';
}

/** For a chart only. */
export function numberIn(observation: JsonObject): number | undefined {
  const { value, comparator } = object(observation['valueQuantity']);
  return typeof value === 'number' && comparator === undefined ? value : undefined;
}

export function unitCode(observation: JsonObject): string | undefined {
  const quantity = object(observation['valueQuantity']);
  return text(quantity['code']) ?? text(quantity['unit']);
}
