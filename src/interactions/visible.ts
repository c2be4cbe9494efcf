/**
 * The current version of a resource, as far as the caller may read or change it.
 *
 * 1. What the caller may not see is not there: the answer is the same as for an id that was never used.
 * 2. A deleted resource is as visible as its last version was.
 */
import type { Permission } from '../access/scopes.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { typeName } from '../fhir/resource-types.ts';
import type { Context } from '../request.ts';
import type { Access } from '../search/ast.ts';
import { alternatives } from '../search/alternatives.ts';
import { readVersion, type Key, type Stored } from '../store/read.ts';
import type { Statement } from '../store/pool.ts';
import { readVisible, visibleRids, type Planned } from '../store/visible.ts';
import { plainAccessOf } from './access.ts';
import { areVisible } from './as-if.ts';
import { current } from './current.ts';

/** The current version, a deletion included; undefined where there is none that the caller may see. */
export async function visibleCurrent(
  context: Context,
  key: Key,
  access: Access = plainAccessOf(context, 'r'),
): Promise<Stored | undefined> {
  const condition = access(typeName(key.type));
  if (condition === undefined) return undefined;
  if (condition.kind === 'all') return current(context, key);
  const found = await readVisible(planned(context), key, access);
  if (found === undefined || found.visible) return found?.stored;
  if (found.stored.text !== null) return undefined;
  const [visible] = await areVisible(context, [found.stored], access);
  return visible === true ? found.stored : undefined;
}

/** Statements that are sent again and again are planned once for each connection (store/pool.ts). */
function planned({ inTransaction, session, server, tenant }: Context): Planned {
  if (inTransaction) return session;
  return {
    tenant: tenant.id,
    query: async <Row>(statement: Statement) => (await server.ready.submit(tenant.id, statement)) as Row[],
  };
}

/** A version that the caller may see: the resource as it is now, and the version as if it were so. */
export async function visibleVersion(
  context: Context,
  key: Key & { version: number },
  access: Access = plainAccessOf(context, 'r'),
): Promise<Stored | undefined> {
  if (access(typeName(key.type))?.kind === 'all') return readVersion(context.session, key);
  const now = await visibleCurrent(context, key, access);
  if (now === undefined || now.version === key.version) return now;
  const stored = await readVersion(context.session, key);
  const [visible] = stored === undefined ? [] : await areVisible(context, [stored], access);
  return visible === true ? stored : undefined;
}

/** What a writer may do with what is there: change it; see it, but not change it; not even see it. */
export type Standing = 'open' | 'shut' | 'unseen';

/** How the caller stands to these current versions, which the transaction has locked. */
export async function standings(
  context: Context,
  permission: Permission,
  versions: readonly Stored[],
): Promise<Standing[]> {
  const open = await among(context, versions, plainAccessOf(context, permission));
  const rest = versions.filter((version) => !open.has(version));
  const seen = rest.length === 0 ? new Set() : await among(context, rest, seenAccess(context));
  return versions.map((version) => (open.has(version) ? 'open' : seen.has(version) ? 'shut' : 'unseen'));
}

async function among(context: Context, versions: readonly Stored[], access: Access): Promise<Set<Stored>> {
  const kind = ({ type }: Stored): string | undefined => access(typeName(type))?.kind;
  const asked = versions.filter((version) => kind(version) !== undefined && kind(version) !== 'all');
  const live = await visibleRids(
    context.session,
    asked.filter(({ text }) => text !== null),
    access,
  );
  const deleted = asked.filter(({ text }) => text === null);
  const visible = await areVisible(context, deleted, access);
  const gone = new Set(deleted.filter((_, i) => visible[i]));
  return new Set(versions.filter((one) => kind(one) === 'all' || live.has(one.rid) || gone.has(one)));
}

/** What the caller may read or find. */
export function seenAccess(context: Context): Access {
  const [read, found] = [plainAccessOf(context, 'r'), plainAccessOf(context, 's')];
  return Object.assign(
    (type: string) => {
      const conditions = [read(type), found(type)].filter((one) => one !== undefined);
      return conditions.length === 0 ? undefined : alternatives(conditions);
    },
    read.within && { within: read.within },
  );
}

/** The refusal of a write of what the caller may see. */
export function shutOut(permission: Permission, name: string): Error {
  const deeds = { c: 'creating', u: 'changing', d: 'deleting', r: 'reading', s: 'finding' };
  const type = name.slice(0, name.indexOf('/'));
  return outcomeError(
    'forbidden',
    `Your scopes do not allow ${deeds[permission]} ${name}: it does not meet the conditions of your scopes for ${type}.${permission}.`,
  );
}
