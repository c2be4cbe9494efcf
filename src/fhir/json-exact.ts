/**
 * JSON values that remember how a number was written.
 *
 * FHIR decimals carry meaning in their digits (`1.00` is not `1.0`, https://hl7.org/fhir/R4/datatypes.html#decimal), which
 * a JavaScript number loses. An object or array that holds such numbers therefore has a record under the symbol EXACT:
 * member name (or array index) → the number's text.
 *
 * Invariants
 * 1. A text is noted only where `String(number)` differs from it; most resources have no note at all.
 * 2. A note counts only while the member still holds the number that the text denotes. So a spread copy whose member was
 *    replaced (`{ ...quantity, value: 2 }`) never shows the old digits: a stale note is ignored, not trusted.
 * 3. A record is never changed once it is attached (`setMember` attaches a new one), because spread copies share it.
 */

export type JsonValue = null | boolean | number | string | JsonValue[] | JsonObject;

export type JsonObject = { [key: string]: JsonValue };

export const EXACT: unique symbol = Symbol('exact number texts');

export type ExactTexts = Readonly<Record<string, string>>;

type Noted = { [EXACT]?: ExactTexts };

/** The noted texts of an object or array, of which some may be stale. */
export function exactTexts(parent: object): ExactTexts | undefined {
  return (parent as Noted)[EXACT];
}

/** Attaches the texts of the numbers of `parent`. */
export function attachTexts(parent: object, texts: ExactTexts): void {
  (parent as Noted)[EXACT] = texts;
}

/** The noted text of the number `value` under `key`; undefined when there is none or it is stale. */
export function notedText(texts: ExactTexts, key: string | number, value: unknown): string | undefined {
  const text = Object.hasOwn(texts, key) ? texts[key] : undefined;
  return text !== undefined && Object.is(Number(text), value) ? text : undefined;
}

/** The text of a number that was computed: as `JSON.stringify` writes it. */
export function plainText(value: number): string {
  return Object.is(value, -0) ? '0' : String(value);
}

/** The exact text of the number that `parent` holds under `key`. */
export function numberText(parent: object, key: string | number): string {
  const value = (parent as Record<string | number, unknown>)[key];
  if (typeof value !== 'number') {
    throw new TypeError(`The member "${key}" is not a number.`);
  }
  const texts = exactTexts(parent);
  return (texts && notedText(texts, key, value)) ?? plainText(value);
}

/** Assigns a member; a number keeps `exactText`, anything else loses the note of the former value. */
export function setMember(
  target: JsonObject | JsonValue[],
  key: string | number,
  value: JsonValue,
  exactText?: string,
): void {
  (target as Record<string | number, JsonValue>)[key] = value;
  const texts = exactTexts(target);
  if (typeof value === 'number' && exactText !== undefined && exactText !== String(value)) {
    attachTexts(target, { ...texts, [key]: exactText });
  } else if (texts && Object.hasOwn(texts, key)) {
    const { [key]: _former, ...others } = texts as Record<string | number, string>;
    attachTexts(target, others);
  }
}

/** A deep copy that shares nothing that can change and keeps the exact texts. */
export function cloneJson<T extends JsonValue>(value: T): T {
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  return (Array.isArray(value) ? cloneArray(value) : cloneObject(value)) as T;
}

function cloneObject(value: JsonObject): JsonObject {
  const copy = { ...value };
  for (const key in copy) {
    const member = copy[key];
    if (typeof member === 'object' && member !== null) {
      copy[key] = cloneJson(member);
    }
  }
  return copy;
}

function cloneArray(value: JsonValue[]): JsonValue[] {
  const copy = value.map(cloneJson);
  const texts = exactTexts(value);
  if (texts) {
    attachTexts(copy, texts);
  }
  return copy;
}
