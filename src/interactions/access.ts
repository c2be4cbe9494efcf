/** What this caller may find: the condition that every part of a search is put under. */
import { maySearch } from '../access/decide.ts';
import type { Context } from '../request.ts';
import { all, type Access } from '../search/ast.ts';

export function accessOf(context: Context): Access {
  return (type) => (maySearch(context.caller, type) ? all : undefined);
}
