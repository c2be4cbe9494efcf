/**
 * SQL written as SQL: a tagged template whose pieces nest and whose values are always bound, never spliced.
 *
 *   sql`select ver from resource where tenant_id = ${tenant} and ${condition}`   condition: another Sql
 */

/** A statement or a piece of one: `strings.length === values.length + 1`. */
export interface Sql {
  readonly strings: readonly string[];
  readonly values: readonly unknown[];
}

function isSql(value: unknown): value is Sql {
  return typeof value === 'object' && value !== null && pieces.has(value);
}

/** Only what this module made counts as SQL, so that no object from outside can pose as a piece. */
const pieces = new WeakSet<object>();

function piece(strings: string[], values: unknown[]): Sql {
  const made = { strings, values };
  pieces.add(made);
  return made;
}

/** Template tag: nested Sql is inlined, everything else becomes a bound parameter. */
export function sql(template: TemplateStringsArray, ...inserts: unknown[]): Sql {
  const strings = [template[0] ?? ''];
  const values: unknown[] = [];
  inserts.forEach((insert, i) => {
    const after = template[i + 1] ?? '';
    if (isSql(insert)) {
      strings[strings.length - 1] += insert.strings[0] ?? '';
      strings.push(...insert.strings.slice(1));
      values.push(...insert.values);
      strings[strings.length - 1] += after;
    } else {
      values.push(insert);
      strings.push(after);
    }
  });
  return piece(strings, values);
}

/** A piece of trusted text: names of tables and columns from our own tables, never from a request. */
export function raw(text: string): Sql {
  return piece([text], []);
}

/** Pieces joined by a separator such as ` and `; the empty list gives empty text. */
export function join(parts: readonly Sql[], separator: string): Sql {
  const strings = [''];
  const values: unknown[] = [];
  parts.forEach((part, i) => {
    strings[strings.length - 1] += (i > 0 ? separator : '') + (part.strings[0] ?? '');
    strings.push(...part.strings.slice(1));
    values.push(...part.values);
  });
  return piece(strings, values);
}

/** The text with $1, $2 … and the values in that order. */
export function render(statement: Sql): { text: string; values: unknown[] } {
  const text = statement.strings.reduce((before, after, i) => `${before}$${i}${after}`);
  return { text, values: [...statement.values] };
}
