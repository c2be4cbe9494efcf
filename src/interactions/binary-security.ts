/**
 * Binary.securityContext: whoever may not read the resource it names may not read, change or delete the Binary.
 * https://hl7.org/fhir/R4/binary.html#security
 *
 * A document of several resources has further contexts beside the one that FHIR knows, in extensions of it: who reads the
 * Binary must be able to read them all. A search goes by the first alone, which gives
 * no content of files; an export asks the others, too, before it gives it.
 *
 * Fails closed: a context that is not a live resource of this laboratory is readable for nobody.
 */
import type { JsonObject } from '../fhir/json.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { parseReference } from '../fhir/reference.ts';
import { typeNumber } from '../fhir/resource-types.ts';
import type { Context } from '../request.ts';
import { may } from './access.ts';
import type { Target } from './call.ts';
import { parseStored } from './document.ts';
import { visibleCurrent, visibleVersion } from './visible.ts';

/** `Patient/1` of the Binary's security context; undefined without one. */
export function securityContextOf(resource: JsonObject): string | undefined {
  const context = resource['securityContext'] as JsonObject | undefined;
  return context === undefined ? undefined : String(context['reference'] ?? '');
}

const further = 'urn:makhbar:extension:security-context';

/** All that must be readable. */
export function securityContextsOf(resource: JsonObject): string[] {
  const first = securityContextOf(resource);
  const { extension = [] } = (resource['securityContext'] ?? {}) as { extension?: readonly JsonObject[] };
  const others = extension
    .filter(({ url }) => url === further)
    .map(({ valueReference }) => String((valueReference as JsonObject | undefined)?.['reference'] ?? ''));
  return first === undefined ? [] : [first, ...others];
}

/** Of a Binary that was found by its first context. */
export async function areFurtherReadable(context: Context, resource: JsonObject): Promise<boolean> {
  for (const reference of securityContextsOf(resource).slice(1)) {
    if (!(await isReadable(context, reference))) return false;
  }
  return true;
}

/** @throws OutcomeError `forbidden` */
export async function checkSecurityContext(context: Context, resource: JsonObject): Promise<void> {
  for (const reference of securityContextsOf(resource)) {
    if (await isReadable(context, reference)) continue;
    throw outcomeError('forbidden', 'The security context of this Binary is not a resource that you may read.');
  }
}

/** The same for an operation on a Binary, and for the version it names. Versions without content hide nothing. */
export async function checkBinaryTarget(context: Context, { type, id, version }: Target): Promise<void> {
  if (type !== 'Binary' || id === '') {
    return;
  }
  const key = { type: typeNumber('Binary') ?? -1, id };
  const named = /^[1-9]\d{0,8}$/.test(version) ? { ...key, version: Number(version) } : undefined;
  const versions = [await visibleCurrent(context, key), named && (await visibleVersion(context, named))];
  for (const text of versions.flatMap((stored) => stored?.text ?? [])) {
    await checkSecurityContext(context, parseStored(text));
  }
}

/** A context that could never be checked is refused when it is written. @throws OutcomeError */
export function checkNewSecurityContext(context: Context, resource: JsonObject): void {
  const reference = securityContextOf(resource);
  if (reference === undefined) {
    return;
  }
  const parsed = parseReference(reference, [context.base]);
  if (parsed?.kind !== 'local') {
    throw outcomeError('value', `The security context "${reference.slice(0, 80)}" must be a resource of this server.`, {
      expression: 'Binary.securityContext',
    });
  }
  if (!may(context, 'r', parsed.type)) {
    throw outcomeError('forbidden', `Your scopes do not allow reading the security context, a ${parsed.type}.`);
  }
}

async function isReadable(context: Context, reference: string): Promise<boolean> {
  const parsed = parseReference(reference, [context.base]);
  if (parsed?.kind !== 'local') {
    return false;
  }
  const stored = await visibleCurrent(context, { type: typeNumber(parsed.type) ?? -1, id: parsed.id });
  return stored !== undefined && stored.text !== null;
}
