/** What this caller may find: the condition that every part of a search is put under. */
import { mayReadAll, maySearch, readableTypes } from '../access/decide.ts';
import type { Context } from '../request.ts';
import { all, none, or, type Access, type Condition } from '../search/ast.ts';
import { searchParametersOf } from './search-parameters.ts';

export function accessOf(context: Context): Access {
  let binary: Condition | undefined;
  return (type) => {
    if (!maySearch(context.caller, type)) {
      return undefined;
    }
    return type === 'Binary' ? (binary ??= binaryAccess(context)) : all;
  };
}

/**
 * Binaries without a security context, and those whose context is there and of a type that the caller may read. One
 * that is itself a Binary would ask the same question of that one, and so on: only who may read everything finds those.
 * searchparameters/binary-security-context.json finds the context; without it nothing is found.
 */
function binaryAccess(context: Context): Condition {
  const { caller } = context;
  if (mayReadAll(caller)) {
    return all;
  }
  const parameter = searchParametersOf(context).of('Binary').byName.get('security-context');
  if (parameter === undefined) {
    return none;
  }
  const types = readableTypes(caller).filter((type) => type !== 'Binary');
  return or([
    { kind: 'missing', parameter },
    ...types.map((type): Condition => ({ kind: 'chain', paths: parameter.paths, type, condition: all })),
  ]);
}
