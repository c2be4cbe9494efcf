/**
 * Rules of a driver: they put what records of an analyzer say where LIS02-A2 has it. Pure.
 *
 * Rules are followed one after another, each over all records. Of one rule, in this order: `move`, `set`, `replace`,
 * `default`, `carry`, `becomes`. Templates are written with the delimiters of the standard, `{3}` and `{3.2}` are what stood
 * at these places before; they come out with the delimiters of the message.
 */
import { rawAt, withFields, withRaw, type Place } from './place.ts';
import type { Delimiters, Record } from './record.ts';

export interface Rule {
  readonly record: string;
  /** All must hold: what stands at the place, blanks around it taken off, matches. */
  readonly where: readonly { readonly place: Place; readonly matches: RegExp }[];
  /** At once, as `set`: each place is read before any is written. */
  readonly move: readonly { readonly from: Place; readonly to: Place }[];
  readonly set: readonly { readonly place: Place; readonly template: string }[];
  readonly replace: readonly { readonly place: Place; readonly matches: RegExp; readonly by: string }[];
  /** Where nothing but blanks stands. */
  readonly default: readonly { readonly place: Place; readonly template: string }[];
  /** Where nothing stands: what the same type of record said before, within its order. */
  readonly carry: readonly Place[];
  /** Records in its stead: none drops it, for what is in the message of record and means no result. */
  readonly becomes: readonly string[] | undefined;
}

export function ruled(records: readonly Record[], rules: readonly Rule[]): readonly Record[] {
  return rules.reduce(follow, records);
}

function follow(records: readonly Record[], rule: Rule): Record[] {
  let before: Record | undefined;
  return records.flatMap((record) => {
    if (record.type !== rule.record) {
      if (isAbove(record.type, rule.record)) before = undefined;
      return [record];
    }
    const isMeant = holds(record, rule);
    const changed = isMeant ? change(record, rule, before) : record;
    before = changed;
    if (rule.becomes === undefined || !isMeant) return [changed];
    return rule.becomes.map((template) =>
      withFields(changed, filled(template, changed).split(changed.delimiters.field)),
    );
  });
}

function isAbove(type: string, other: string): boolean {
  const levels = 'HPOR';
  return levels.includes(type) && levels.indexOf(type) < levels.indexOf(other);
}

function holds(record: Record, { where }: Rule): boolean {
  return where.every(({ place, matches }) => matches.test(rawAt(record, place).trim()));
}

function change(record: Record, rule: Rule, before: Record | undefined): Record {
  let changed = moved(record, rule.move);
  const texts = rule.set.map(({ template }) => filled(template, changed));
  rule.set.forEach(({ place }, at) => (changed = withRaw(changed, place, texts[at] ?? '')));
  for (const { place, matches, by } of rule.replace) {
    changed = withRaw(changed, place, rawAt(changed, place).trim().replace(matches, by));
  }
  for (const { place, template } of rule.default) {
    if (rawAt(changed, place).trim() === '') changed = withRaw(changed, place, filled(template, changed));
  }
  for (const place of rule.carry) {
    if (before !== undefined && rawAt(changed, place).trim() === '')
      changed = withRaw(changed, place, rawAt(before, place));
  }
  return changed;
}

function moved(record: Record, moves: Rule['move']): Record {
  const taken = moves.map(({ from }) => rawAt(record, from));
  let changed = record;
  for (const { from } of moves) if (rawAt(record, from) !== '') changed = withRaw(changed, from, '');
  moves.forEach(({ to }, at) => {
    if (taken[at] !== '') changed = withRaw(changed, to, taken[at] ?? '');
  });
  return changed;
}

const delimiterNames: Readonly<{ [written: string]: keyof Delimiters }> = {
  '|': 'field',
  '\\': 'repeat',
  '^': 'component',
  '&': 'escape',
};

function filled(template: string, record: Record): string {
  return template.replaceAll(/\{(\d+)(?:\.(\d+))?\}|[|\\^&]/g, (written, field?: string, component?: string) => {
    const name = delimiterNames[written];
    if (name !== undefined) return record.delimiters[name];
    return rawAt(record, {
      field: Number(field),
      component: component === undefined ? undefined : Number(component),
    }).trim();
  });
}
