/**
 * May this caller do this here? Deny by default; the answer names the scope that is missing.
 */
import { outcomeError } from '../fhir/outcome.ts';
import { resourceTypes } from '../fhir/resource-types.ts';
import { decide, grants, type Interaction, type Scope } from './scopes.ts';

/** What the decision needs to know of a caller. */
export interface Scoped {
  readonly scopes: readonly Scope[];
}

/** What a request is about; '' where it names no such thing. */
export interface About {
  readonly type: string;
  readonly operation: string;
  /** The type searched for in a compartment, or `*`. */
  readonly member: string;
}

const acrossTypes = new Set<Interaction>(['search-system', 'history-system']);

/** Operations on the system that decide by themselves, for each type in the result. */
const deciding: ReadonlySet<string> = new Set(['$graphql']);

/** @throws OutcomeError `forbidden` (403). */
export function authorise(caller: Scoped, interaction: Interaction, about: About): void {
  const across = interaction === 'operation' && about.type === '' && deciding.has(about.operation);
  if (across || acrossTypes.has(interaction)) {
    if (visibleTypes(caller, across ? 'search-system' : interaction).length === 0) {
      throw outcomeError('forbidden', `Your scopes do not allow ${interaction} on any resource type.`);
    }
    return;
  }
  const type = about.member === '' ? about.type : about.member;
  const decision = decide(caller.scopes, interaction, type, about.operation);
  if (!decision.allowed) {
    throw outcomeError('forbidden', decision.sentence);
  }
}

/** The types on which the caller may do this, for interactions across types. */
export function visibleTypes(caller: Scoped, interaction: Interaction): 'all' | readonly string[] {
  if (decide(caller.scopes, interaction, '').allowed) {
    return 'all';
  }
  return resourceTypes.filter((type) => decide(caller.scopes, interaction, type).allowed);
}

export function mayCreate(caller: Scoped, type: string): boolean {
  return grants(caller.scopes, 'c', type);
}

export function mayRead(caller: Scoped, type: string): boolean {
  return grants(caller.scopes, 'r', type);
}

export function mayReadAll(caller: Scoped): boolean {
  return grants(caller.scopes, 'r', '*');
}

export function readableTypes(caller: Scoped): readonly string[] {
  return resourceTypes.filter((type) => mayRead(caller, type));
}

export function maySearch(caller: Scoped, type: string): boolean {
  return grants(caller.scopes, 's', type);
}
