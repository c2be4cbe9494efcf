/**
 * Places in a record as drivers name them: `4` is its field .4, `4.2` the second component of it. What stands there is read
 * and written as it came, escapes and all.
 */
import { fieldOf, type Record } from './record.ts';

export interface Place {
  readonly field: number;
  /** Undefined for the whole field. */
  readonly component: number | undefined;
}

/** Undefined for what is no place. */
export function placeOf(written: string): Place | undefined {
  const [, field, component] = /^([1-9]\d?)(?:\.([1-9]\d?))?$/.exec(written) ?? [];
  if (field === undefined) return undefined;
  return { field: Number(field), component: component === undefined ? undefined : Number(component) };
}

export function rawAt(record: Record, { field, component }: Place): string {
  const raw = fieldOf(record, field);
  if (component === undefined) return raw;
  const { repeat, component: delimiter } = record.delimiters;
  return raw.split(repeat)[0]?.split(delimiter)[component - 1] ?? '';
}

export function withRaw(record: Record, { field, component }: Place, text: string): Record {
  const fields = padded(record.fields, field);
  if (component === undefined) {
    fields[field - 1] = text;
  } else {
    const { repeat, component: delimiter } = record.delimiters;
    const [first = '', ...others] = (fields[field - 1] ?? '').split(repeat);
    const components = padded(first.split(delimiter), component);
    components[component - 1] = text;
    fields[field - 1] = [components.join(delimiter), ...others].join(repeat);
  }
  return withFields(record, fields);
}

export function withFields(record: Record, fields: readonly string[]): Record {
  return { ...record, type: fields[0] ?? '', text: fields.join(record.delimiters.field), fields };
}

function padded(parts: readonly string[], length: number): string[] {
  return [...parts, ...Array<string>(Math.max(0, length - parts.length)).fill('')];
}
