/** What the pieces of one statement share: the tenant, the caller's access, and a source of names for tables. */
import { raw, type Sql } from '../store/sql.ts';
import type { Access } from './ast.ts';

export interface Scope {
  readonly tenant: number;
  readonly access: Access;
  readonly alias: (letter: string) => Sql;
  /**
   * Conditions are checked on rows that something else finds (see strategy.ts): each is a probe of an index, which
   * `offset 0` keeps PostgreSQL from turning into a join that reads all that meet it.
   */
  readonly probing: boolean;
  /** The statement names the few rows it is about: membership of a compartment is asked of each, not found for all. */
  readonly named: boolean;
  /** Sets are counted no further than this. */
  readonly smallSet: number;
  /** Where the principal date of the row that is searched stands, if not in the row itself. */
  readonly date: Sql | undefined;
  /** The index row that leads to a row: what is checked by its number and date is checked before the row is fetched. */
  readonly streamed?: Streamed;
  /** The patient whom most of the rows belong to, if the statement names one: a hint that saves work. */
  readonly patient: string | undefined;
}

export interface Streamed {
  /** The row of the table resource that it leads to, this very piece. */
  readonly row: Sql;
  readonly rid: Sql;
  readonly date: Sql;
}

interface ScopeOptions {
  readonly probing?: boolean;
  readonly named?: boolean;
  readonly smallSet?: number;
  readonly patient?: string | undefined;
}

export function makeScope(tenant: number, access: Access, options: ScopeOptions = {}): Scope {
  let last = 0;
  const { probing = false, named = false, smallSet = 0, patient } = options;
  const alias = (letter: string): Sql => raw(`${letter}${++last}`);
  return { tenant, access, probing, named, smallSet, patient, date: undefined, alias };
}
