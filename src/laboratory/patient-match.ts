/**
 * How likely two Patients are one person: a score from 0 to 1 with what speaks for and against it.
 * https://hl7.org/fhir/R4/patient-operation-match.html
 *
 * Each feature that both have counts with its weight. The same identifier of the same system settles it, unless birth date
 * and name both say otherwise. The weights are guesses; the grades' limits too.
 */
import type { JsonObject } from '../fhir/json.ts';
import { plainWords, wordLikeness } from './person-name.ts';
import { object, objects, text } from './terms.ts';

export type Grade = 'certain' | 'probable' | 'possible' | 'certainly-not';

export interface Likeness {
  readonly score: number;
  readonly grade: Grade;
  /** One clause for each feature. */
  readonly reasons: readonly string[];
}

interface Feature {
  readonly name: string;
  readonly weight: number;
  /** Undefined where one of them does not have it. */
  readonly likeness: (a: JsonObject, b: JsonObject) => number | undefined;
}

const features: readonly Feature[] = [
  { name: 'name', weight: 0.4, likeness: nameLikeness },
  { name: 'birth date', weight: 0.35, likeness: birthLikeness },
  { name: 'telephone', weight: 0.15, likeness: phoneLikeness },
  { name: 'sex', weight: 0.1, likeness: sexLikeness },
];

/** Below this they are not shown. */
export const leastScore = 0.6;

export function likenessOf(a: JsonObject, b: JsonObject): Likeness {
  const known = features.flatMap(({ name, weight, likeness }) => {
    const value = likeness(a, b);
    return value === undefined ? [] : [{ name, weight, value }];
  });
  const reasons = known.map(({ name, value }) => `${name} ${Math.round(value * 100)} %`);
  const weight = known.reduce((sum, one) => sum + one.weight, 0);
  const mean = weight === 0 ? 0 : known.reduce((sum, one) => sum + one.weight * one.value, 0) / weight;
  // Little is known of one of them: that alone makes nothing certain.
  const score = mean * Math.min(1, 0.5 + weight / 1.5);
  if (!sharesIdentifier(a, b)) return graded(score, reasons);
  const against = known.filter(({ name, value }) => (name === 'name' || name === 'birth date') && value < 0.6);
  return graded(against.length > 1 ? score : Math.max(score, against.length === 1 ? 0.85 : 1), [
    'identifier 100 %',
    ...reasons,
  ]);
}

function graded(exact: number, reasons: readonly string[]): Likeness {
  const score = Math.round(exact * 1_000) / 1_000;
  const grade =
    score >= 0.95 ? 'certain' : score >= 0.8 ? 'probable' : score >= leastScore ? 'possible' : 'certainly-not';
  return { score, grade, reasons };
}

/** `system|value` of identifiers that have both. */
export function identifiersOf(patient: JsonObject): string[] {
  return objects(patient['identifier']).flatMap(({ system, value }) =>
    typeof system === 'string' && typeof value === 'string' ? [`${system}|${value}`] : [],
  );
}

function sharesIdentifier(a: JsonObject, b: JsonObject): boolean {
  const own = new Set(identifiersOf(a));
  return identifiersOf(b).some((one) => own.has(one));
}

/** The words of each name: given names and family together, as people exchange them. */
export function namesOf(patient: JsonObject): string[][] {
  return objects(patient['name'])
    .map(({ family, given, text: whole }) => {
      const parts = [...(Array.isArray(given) ? given : []), family].filter((one) => typeof one === 'string');
      return plainWords(parts.length > 0 ? parts.join(' ') : (text(whole) ?? ''));
    })
    .filter((words) => words.length > 0);
}

function nameLikeness(a: JsonObject, b: JsonObject): number | undefined {
  const [ofA, ofB] = [namesOf(a), namesOf(b)];
  if (ofA.length === 0 || ofB.length === 0) return undefined;
  return Math.max(...ofA.flatMap((one) => ofB.map((other) => wordsLikeness(one, other))));
}

/** Each word of the shorter name finds its best in the longer one; a word more counts a little against it. */
function wordsLikeness(one: readonly string[], other: readonly string[]): number {
  const [short, long] = one.length <= other.length ? [one, other] : [other, one];
  const left = [...long];
  const likenesses = short.map((word) => {
    const found = left.map((candidate) => wordLikeness(word, candidate));
    const best = Math.max(...found);
    left.splice(found.indexOf(best), 1);
    return best;
  });
  const mean = likenesses.reduce((sum, value) => sum + value, 0) / likenesses.length;
  return Math.max(0, mean - 0.03 * left.length);
}

function birthLikeness(a: JsonObject, b: JsonObject): number | undefined {
  const [one, other] = [text(a['birthDate']), text(b['birthDate'])];
  if (one === undefined || other === undefined) return undefined;
  if (one === other) return 1;
  const [year, month, day] = one.split('-');
  const [otherYear, otherMonth, otherDay] = other.split('-');
  if (month === undefined || otherMonth === undefined) return year === otherYear ? 0.7 : 0;
  if (year === otherYear && month === otherDay && day === otherMonth) return 0.8;
  const same = [year === otherYear, month === otherMonth, day === otherDay].filter(Boolean).length;
  return same === 2 ? 0.5 : 0;
}

/** The last eight digits: countries and zeros are written or not. */
export function phonesOf(patient: JsonObject): string[] {
  return objects(patient['telecom']).flatMap(({ system, value }) => {
    const digits = text(value)?.replace(/\D/g, '') ?? '';
    return system !== 'email' && digits.length >= 7 ? [digits.slice(-8)] : [];
  });
}

function phoneLikeness(a: JsonObject, b: JsonObject): number | undefined {
  const [ofA, ofB] = [phonesOf(a), phonesOf(b)];
  if (ofA.length === 0 || ofB.length === 0) return undefined;
  return ofA.some((one) => ofB.includes(one)) ? 1 : 0.2;
}

function sexLikeness(a: JsonObject, b: JsonObject): number | undefined {
  const known = (value: JsonObject[string] | undefined): boolean => value === 'male' || value === 'female';
  if (!known(a['gender']) || !known(b['gender'])) return undefined;
  return a['gender'] === b['gender'] ? 1 : 0;
}

/** References of `Patient.link` of a kind. */
export function linked(patient: JsonObject, type: string): string[] {
  return objects(patient['link']).flatMap((link) =>
    link['type'] === type ? (text(object(link['other'])['reference']) ?? []) : [],
  );
}
