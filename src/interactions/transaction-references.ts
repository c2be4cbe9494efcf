/**
 * What the temporary references of a transaction become: `urn:uuid:…` and other fullUrls of its entries, and
 * conditional references. https://hl7.org/fhir/R4/http.html#trules
 */
import type { JsonObject, JsonValue } from '../fhir/json.ts';
import { listReferences, parseReference } from '../fhir/reference.ts';
import type { ReferenceTarget, ReferenceTargets } from '../fhir/reference-rewrite.ts';
import { outcomeError } from '../fhir/outcome.ts';
import type { Context } from '../request.ts';
import { parseCriteria } from './conditional.ts';
import { findMatches } from './matches.ts';
import { storing } from './processing-restriction.ts';
import type { Plan } from './transaction-plan.ts';

/** From each fullUrl and conditional reference to what is written instead. */
export async function referenceTargets(context: Context, plan: Plan): Promise<ReferenceTargets> {
  const targets = new Map<string, ReferenceTarget>();
  for (const { entry, type, id, current, deletedAt = 0 } of plan.writes) {
    addTarget(targets, entry.fullUrl, {
      reference: `${type}/${id}`,
      version: String((current?.version ?? deletedAt) + 1),
    });
  }
  for (const { entry, match, call } of plan.existing) {
    addTarget(targets, entry.fullUrl, { reference: `${call.target.type}/${match.id}`, version: String(match.version) });
  }
  const conditional = new Set(plan.writes.flatMap(({ entry }) => conditionalReferences(entry.resource)));
  for (const text of conditional) {
    targets.set(text, { reference: await resolve(context, text) });
  }
  return targets;
}

function addTarget(targets: Map<string, ReferenceTarget>, fullUrl: string | undefined, target: ReferenceTarget): void {
  if (fullUrl === undefined) {
    return;
  }
  if (targets.has(fullUrl)) {
    throw outcomeError('duplicate', `The fullUrl ${fullUrl.slice(0, 120)} stands in more than one entry.`, {
      status: 400,
    });
  }
  targets.set(fullUrl, target);
}

/** The references of a resource that are searches. */
export function conditionalReferences(resource: JsonObject | undefined): string[] {
  return (resource && mayBeConditional(resource) ? listReferences(resource) : []).flatMap(({ reference }) =>
    reference?.includes('?') === true && parseReference(reference)?.kind === 'conditional' ? [reference] : [],
  );
}

/** Whether some `reference` has a `?`: to know which members are References takes the definitions, and most have none. */
function mayBeConditional(value: JsonValue): boolean {
  if (Array.isArray(value)) return value.some(mayBeConditional);
  if (typeof value !== 'object' || value === null) return false;
  for (const name in value) {
    const member = value[name] as JsonValue;
    if (typeof member === 'string' ? name === 'reference' && member.includes('?') : mayBeConditional(member))
      return true;
  }
  return false;
}

/** @throws OutcomeError where the criteria do not name exactly one resource. */
async function resolve(context: Context, text: string): Promise<string> {
  const type = text.slice(0, text.indexOf('?'));
  const matches = await findMatches(storing(context), type, parseCriteria(type, text), 2);
  const [match] = matches;
  if (match === undefined || matches.length > 1) {
    const problem = match === undefined ? 'matches nothing' : 'matches more than one resource';
    throw outcomeError(
      match === undefined ? 'not-found' : 'multiple-matches',
      `A conditional reference to ${type} ${problem}.`,
      {
        status: 412,
      },
    );
  }
  return `${type}/${match.id}`;
}
