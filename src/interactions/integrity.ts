/**
 * References that point to something, where the tenant demands it (setting referentialIntegrity).
 *
 * Checked after the write and inside its transaction, so that the entries of a Bundle may refer to each other. Whoever
 * refers to a resource locks it for sharing and whoever deletes it locks it for itself: one of two that race sees what
 * the other did.
 *
 * What the caller may not see is nothing to refer to, and is not named: only references that a resource had before may
 * go on pointing to it.
 */
import { listReferences, parseReference } from '../fhir/reference.ts';
import { OutcomeError, outcomeError } from '../fhir/outcome.ts';
import type { JsonObject } from '../fhir/json.ts';
import { typeName, typeNumber } from '../fhir/resource-types.ts';
import type { Context } from '../request.ts';
import { lockLive, type Key } from '../store/read.ts';
import { findReferred } from '../store/referrers.ts';
import { visibleKeys } from '../store/visible.ts';
import { readPrevious } from '../store/history.ts';
import type { Change } from './commit.ts';
import { parseStored } from './document.ts';
import { storing } from './processing-restriction.ts';
import { seenAccess, visibleCurrent } from './visible.ts';

/** @throws OutcomeError 422 where a reference points to nothing, 409 where a deletion would leave such a one. */
export async function checkIntegrity(context: Context, changes: readonly Change[]): Promise<void> {
  if (context.tenant.settings.referentialIntegrity !== true) {
    return;
  }
  await checkTargets(context, changes);
  const deleted = changes.flatMap(({ entry, resource }) => (resource ? [] : [entry]));
  const [referred] = await findReferred(context.session, deleted);
  if (referred !== undefined) {
    const name = `${typeName(referred.type)}/${referred.id}`;
    const by = await visibleCurrent(context, referred.by, seenAccess(context));
    const who = by === undefined ? 'another resource' : `${typeName(referred.by.type)}/${referred.by.id}`;
    throw outcomeError('conflict', `${name} cannot be deleted: ${who} refers to it.`);
  }
}

async function checkTargets(context: Context, changes: readonly Change[]): Promise<void> {
  const wanted = changes.flatMap(({ resource }) => (resource ? localReferences(context, resource) : []));
  const live = new Set((await lockLive(context.session, wanted)).map(keyText));
  const unseen = await unseenKeys(
    context,
    wanted.filter((one) => live.has(keyText(one))),
  );
  const kept = unseen.size === 0 ? unseen : await earlierReferences(context, changes);
  const missing = wanted.filter((one) => {
    const key = keyText(one);
    return !live.has(key) || (unseen.has(key) && !kept.has(key));
  });
  if (missing.length > 0) {
    throw new OutcomeError(
      missing.map((one) => ({
        severity: 'error',
        code: 'not-found',
        diagnostics: `The reference to ${typeName(one.type)}/${one.id} points to nothing; this laboratory keeps no such references.`,
        expression: [one.expression],
      })),
      { status: 422 },
    );
  }
}

async function unseenKeys(context: Context, keys: readonly Key[]): Promise<Set<string>> {
  const access = seenAccess(storing(context));
  const asked = keys.filter(({ type }) => access(typeName(type))?.kind !== 'all');
  const seen = new Set((await visibleKeys(context.session, asked, access)).map(keyText));
  return new Set(asked.map(keyText).filter((key) => !seen.has(key)));
}

/** What the versions before these changes referred to. */
async function earlierReferences(context: Context, changes: readonly Change[]): Promise<Set<string>> {
  const before = await readPrevious(
    context.session,
    changes.flatMap(({ entry, resource }) => (resource && entry.fresh !== true ? [entry] : [])),
  );
  return new Set(
    before.flatMap(({ text }) => (text === null ? [] : localReferences(context, parseStored(text)).map(keyText))),
  );
}

function localReferences(context: Context, resource: JsonObject): (Key & { expression: string })[] {
  return listReferences(resource).flatMap(({ reference, expression }) => {
    const parsed = reference === undefined ? undefined : parseReference(reference, [context.base]);
    const type = parsed?.kind === 'local' ? typeNumber(parsed.type) : undefined;
    return parsed?.kind === 'local' && type !== undefined ? [{ type, id: parsed.id, expression }] : [];
  });
}

function keyText(key: Key): string {
  return `${key.type}/${key.id}`;
}
