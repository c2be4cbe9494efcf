/**
 * From a resource to what the store writes: validated, printed, indexed. The only way into the store.
 */
import { OutcomeError, outcomeError, type Issue } from '../fhir/outcome.ts';
import type { JsonObject } from '../fhir/json.ts';
import { typeNumber } from '../fhir/resource-types.ts';
import { validateResource } from '../fhir/validation/validate.ts';
import { extract } from '../search/extract.ts';
import type { IndexRows } from '../search/rows.ts';
import type { Context } from '../request.ts';
import type { Key } from '../store/read.ts';
import type { Expectation, WriteEntry, WriteMethod, Written } from '../store/write.ts';
import type { WriteResult } from './answers.ts';
import type { Change } from './commit.ts';
import { checkNewSecurityContext } from './binary-security.ts';
import { checkConsent } from './consent-check.ts';
import { checkEndpoint } from './endpoint-check.ts';
import { toldTypes } from './outbound-check.ts';
import { checkRequestTask } from './request-check.ts';
import { checkSearchParameter } from './search-parameter-check.ts';
import { indexParametersOf, revisionOf } from './search-parameters.ts';
import { makeDocument, type Document } from './document.ts';

export interface Prepared extends Change {
  readonly resource: JsonObject;
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
  if (type === 'Binary') {
    checkNewSecurityContext(context, resource);
  }
  if (type === 'Endpoint') {
    checkEndpoint(resource);
  }
  if (type === 'Task') {
    checkRequestTask(context, resource);
  }
  if (type === 'SearchParameter') {
    issues.push(...checkSearchParameter(context, resource, intent.id));
  }
  const consent = type === 'Consent' ? checkConsent(resource, indexParametersOf(context)) : undefined;
  const document = makeDocument(resource, intent.id);
  const entry: WriteEntry = {
    ...intent,
    type: typeNumber(type) ?? -1,
    content: document.content,
    exact: document.exact,
    index: indexRows(context, { ...resource, id: intent.id }),
    revision: revisionOf(context),
    ...(consent && { consent }),
    ...(type === 'Endpoint' && { tells: toldTypes(context, resource) }),
    ...originOf(context),
  };
  return { entry, resource, document, type, remarks: issues };
}

/** An interface is not told of what it told. */
function originOf({ caller }: Context): { origin?: string } {
  const [, origin] = /^Endpoint\/(.+)$/.exec(caller.client) ?? [];
  return origin !== undefined && caller.roles.includes('interface') ? { origin } : {};
}

function indexRows(context: Context, resource: JsonObject): IndexRows {
  try {
    return extract(resource, indexParametersOf(context));
  } catch (error) {
    if (!(error instanceof OutcomeError)) {
      throw error;
    }
    throw outcomeError('processing', `A search parameter of this laboratory cannot be applied to it: ${error.message}`);
  }
}

function isError(issue: Issue): boolean {
  return issue.severity === 'error' || issue.severity === 'fatal';
}

export function deletion({ type, id }: Key, expect: Expectation): Change {
  return { entry: { type, id, method: 'DELETE', expect, content: null, exact: null, index: null } };
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
