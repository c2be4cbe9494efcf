/**
 * References that point to something, where the tenant demands it (setting referentialIntegrity).
 *
 * Checked after the write and inside its transaction, so that the entries of a Bundle may refer to each other. Whoever
 * refers to a resource locks it for sharing and whoever deletes it locks it for itself: one of two that race sees what
 * the other did.
 */
import { listReferences, parseReference } from '../fhir/reference.ts';
import { OutcomeError, outcomeError } from '../fhir/outcome.ts';
import type { JsonObject } from '../fhir/json.ts';
import { typeName, typeNumber } from '../fhir/resource-types.ts';
import type { Context } from '../request.ts';
import { lockLive, type Key } from '../store/read.ts';
import { findReferred } from '../store/referrers.ts';
import type { Change } from './commit.ts';

/** @throws OutcomeError 422 where a reference points to nothing, 409 where a deletion would leave such a one. */
export async function checkIntegrity(context: Context, changes: readonly Change[]): Promise<void> {
  if (context.tenant.settings.referentialIntegrity !== true) {
    return;
  }
  await checkTargets(context, changes);
  const deleted = changes.flatMap(({ entry, resource }) => (resource ? [] : [entry]));
  const [referred] = await findReferred(context.session, deleted);
  if (referred !== undefined) {
    throw outcomeError(
      'conflict',
      `${typeName(referred.type)}/${referred.id} cannot be deleted: ${typeName(referred.by.type)}/${referred.by.id} refers to it.`,
    );
  }
}

async function checkTargets(context: Context, changes: readonly Change[]): Promise<void> {
  const wanted = changes.flatMap(({ resource }) => (resource ? localReferences(context, resource) : []));
  const live = new Set((await lockLive(context.session, wanted)).map(keyText));
  const missing = wanted.filter((one) => !live.has(keyText(one)));
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
