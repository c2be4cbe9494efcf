/** What the pieces of one statement share: the tenant, the caller's access, and a source of names for tables. */
import { raw, type Sql } from '../store/sql.ts';
import type { Access } from './ast.ts';

export interface Scope {
  readonly tenant: number;
  readonly access: Access;
  readonly alias: (letter: string) => Sql;
}

export function makeScope(tenant: number, access: Access): Scope {
  let last = 0;
  return { tenant, access, alias: (letter) => raw(`${letter}${++last}`) };
}
