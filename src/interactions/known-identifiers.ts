/**
 * Which identifiers some resource has: one look into the index of tokens for all types together, so that what is new is not
 * searched for type by type. It says where to search, not what is found: who may see what is for the search to decide.
 */
import { hash64 } from '../search/hash.ts';
import type { Context } from '../request.ts';
import { tokenKey } from '../search/token-rows.ts';
import { heldTokens } from '../store/held-tokens.ts';
import { indexParametersOf } from './search-parameters.ts';

export interface Identified {
  readonly type: string;
  readonly system: string;
  readonly value: string;
}

/** Those of them that a resource of their type has. */
export async function knownIdentifiers<One extends Identified>(
  context: Context,
  wanted: readonly One[],
): Promise<Set<One>> {
  const { of } = indexParametersOf(context);
  const tokens = wanted.flatMap((one) => {
    const paths = of(one.type).byName.get('identifier')?.paths ?? [];
    return paths.map(({ path }) => ({ one, key: tokenKey(path, one.value), system: hash64(one.system) }));
  });
  const held = await heldTokens(context.session, tokens);
  return new Set(tokens.filter((_, i) => held.has(i)).map(({ one }) => one));
}
