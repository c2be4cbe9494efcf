/**
 * Answers that fit into memory: a thousand of the largest resources would not.
 */
import type { Stored } from './read.ts';
import { sql, type Sql } from './sql.ts';

/** A page ends with the resource whose text reaches this, in characters. */
export const mostCharacters = 32 * 1024 * 1024;

/**
 * The first rows of a statement that ends with its order, until their column `text` has `mostCharacters` together; the
 * first row always. `offset 0` keeps the statement apart, so that a text is made once and the order is that of the
 * rows that the window sees.
 */
export function withinSize(ordered: Sql): Sql {
  return sql`select * from (
    select q.*, sum(length(q.text)) over (rows between unbounded preceding and 1 preceding) as before
    from (${ordered} offset 0) q) b
    where coalesce(b.before, 0) < ${mostCharacters}`;
}

/** Whether rows from `withinSize` may have been cut. */
export function isFull(rows: readonly Pick<Stored, 'text'>[]): boolean {
  return rows.reduce((sum, { text }) => sum + (text?.length ?? 0), 0) >= mostCharacters;
}
