/** Values that each begin with their name: the devices that send one result as one text. */
import type { Broken, Row, Tagged } from './decoder.ts';

export function rowsOfTagged({ separator, tagLength, strip }: Tagged, text: string): readonly Row[] | Broken {
  const values: { [name: string]: string } = {};
  for (const part of text.split(separator)) {
    const value = part.replaceAll(strip, '');
    if (value === '') continue;
    if (value.length < tagLength) return { problem: `The value ${JSON.stringify(value)} has no name.` };
    values[value.slice(0, tagLength)] = value.slice(tagLength);
  }
  return Object.keys(values).length === 0 ? { problem: 'The text holds no values.' } : [values];
}
