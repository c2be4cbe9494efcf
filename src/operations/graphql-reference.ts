/**
 * `resource` on a Reference: what it refers to, contained or stored here. https://hl7.org/fhir/R4/graphql.html#references
 *
 * Without `optional: true` a reference that leads nowhere, or to what the caller may not see, is an error; the two are not
 * told apart. With `type` only resources of that type are followed; the others are null.
 */
import type { JsonObject } from '../fhir/json.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { parseReference } from '../fhir/reference.ts';
import type { Arguments } from './graphql-element.ts';
import { resourceSource, type Run, type Source } from './graphql-run.ts';

export async function resolveReference(source: Source, args: Arguments, run: Run): Promise<Source | null> {
  const { reference } = source.node;
  const { type, optional } = args;
  const text = typeof reference === 'string' ? reference : '';
  const parsed = parseReference(text, [run.context.base]);
  if (type !== undefined && parsed?.kind === 'local' && parsed.type !== type) return null;
  const found = await follow(parsed, source, run);
  if (found !== undefined) return type === undefined || found.type === type ? found : null;
  if (optional === true) return null;
  throw outcomeError('not-found', `The reference "${text.slice(0, 120)}" cannot be followed; ask with optional: true.`);
}

async function follow(
  parsed: ReturnType<typeof parseReference>,
  source: Source,
  run: Run,
): Promise<Source | undefined> {
  if (parsed?.kind === 'contained') return contained(parsed.id, source.root);
  return parsed?.kind === 'local' ? run.read(parsed.type, parsed.id) : undefined;
}

/** `#` alone is the container. */
function contained(id: string, root: JsonObject): Source | undefined {
  if (id === '') return resourceSource(root);
  const list = Array.isArray(root['contained']) ? (root['contained'] as JsonObject[]) : [];
  const found = list.find((resource) => resource['id'] === id);
  return found && resourceSource(found, root);
}
