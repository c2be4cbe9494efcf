/**
 * From a resource to what the store writes: validated, printed, indexed. The only way into the store.
 */
import { listReferences, parseReference } from '../fhir/reference.ts';
import { OutcomeError, type Issue } from '../fhir/outcome.ts';
import type { JsonObject } from '../fhir/json.ts';
import { typeName, typeNumber } from '../fhir/resource-types.ts';
import { validateResource } from '../fhir/validation/validate.ts';
import { extract } from '../search/extract.ts';
import type { Context } from '../request.ts';
import { findLive, type Key } from '../store/read.ts';
import type { Expectation, WriteEntry, WriteMethod, Written } from '../store/write.ts';
import type { WriteResult } from './answers.ts';
import { searchParametersOf } from './search-parameters.ts';
import { makeDocument, type Document } from './document.ts';

export interface Prepared {
  readonly entry: WriteEntry;
  readonly document: Document;
  readonly type: string;
  readonly remarks: readonly Issue[];
}

export interface Intent {
  readonly id: string;
  readonly method: WriteMethod;
  readonly expect: Expectation;
  /** The id was just made by us. */
  readonly fresh?: boolean;
}

/**
 * Validates a resource and makes the store's entry of it.
 * @throws OutcomeError with every finding.
 */
export function prepare(context: Context, resource: JsonObject, intent: Intent): Prepared {
  const type = String(resource['resourceType']);
  const issues = validateResource(resource);
  if (issues.some(isError)) {
    throw new OutcomeError(issues);
  }
  const document = makeDocument(resource, intent.id);
  const entry: WriteEntry = {
    ...intent,
    type: typeNumber(type) ?? -1,
    content: document.content,
    exact: document.exact,
    index: extract({ ...resource, id: intent.id }, searchParametersOf(context)),
  };
  return { entry, document, type, remarks: issues };
}

function isError(issue: Issue): boolean {
  return issue.severity === 'error' || issue.severity === 'fatal';
}

/** A deletion as the store's entry. */
export function deletion(key: Key, expect: Expectation): WriteEntry {
  return { ...key, method: 'DELETE', expect, content: null, exact: null, index: null };
}

/** What was written, for the answer. */
export function writeResult(prepared: Prepared, written: Written): WriteResult {
  const { version, lastUpdated, created } = written;
  return {
    type: prepared.type,
    id: prepared.entry.id,
    version,
    lastUpdated,
    created,
    text: prepared.document.text(version, lastUpdated),
    remarks: prepared.remarks,
  };
}

/**
 * Where the tenant demands it: every reference to a resource of this server must point to one that exists, here or
 * among `arriving` (the other entries of the same transaction).
 * @throws OutcomeError `not-found` (422) naming each.
 */
export async function checkReferences(
  context: Context,
  resources: readonly JsonObject[],
  arriving: readonly Key[] = [],
): Promise<void> {
  if (context.tenant.settings.referentialIntegrity !== true) {
    return;
  }
  const known = new Set(arriving.map(keyText));
  const wanted = resources.flatMap((resource) => localReferences(context, resource)).filter((one) => !known.has(keyText(one)));
  const live = new Set((await findLive(context.session, wanted)).map(keyText));
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
