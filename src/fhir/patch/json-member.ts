/** Values with the digits of numbers, taken out of and put into objects and arrays. */
import { attachTexts, exactTexts, notedText } from '../json-exact.ts';
import { setMember, type JsonObject, type JsonValue } from '../json.ts';

export interface Member {
  readonly value: JsonValue;
  /** How the number was written, where JavaScript would write it otherwise. */
  readonly text: string | undefined;
}

export function memberOf(parent: JsonObject | JsonValue[], key: string | number): Member {
  const value = (parent as Record<string | number, JsonValue>)[key] as JsonValue;
  const texts = exactTexts(parent);
  return { value, text: texts && notedText(texts, key, value) };
}

export function insertItem(array: JsonValue[], index: number, { value, text }: Member): void {
  shift(array, index, 1);
  array.splice(index, 0, value);
  setMember(array, index, value, text);
}

export function removeItem(array: JsonValue[], index: number): void {
  setMember(array, index, null);
  shift(array, index + 1, -1);
  array.splice(index, 1);
}

/** Moves the digits of the items from `start` on. */
function shift(array: JsonValue[], start: number, by: number): void {
  const texts = exactTexts(array);
  if (texts) {
    const moved = Object.entries(texts).map(([key, text]) => [Number(key) >= start ? Number(key) + by : key, text]);
    attachTexts(array, Object.fromEntries(moved) as Record<string, string>);
  }
}

/** What it costs to insert or remove an item, in values that are touched one by one. */
export function shiftingCost(array: JsonValue[]): number {
  return exactTexts(array) ? array.length : array.length / 256;
}
