/**
 * May this caller do this here? Deny by default; the answer names the scope that is missing. With which resources is
 * another question: interactions/access.ts makes a search condition of it.
 */
import { outcomeError } from '../fhir/outcome.ts';
import { resourceTypes } from '../fhir/resource-types.ts';
import type { Caller } from './caller.ts';
import { interactionNeeds, operationNeeds, type Interaction, type Need } from './needs.ts';
import { isUnconditional } from './permits.ts';
import { grants, type Managed, type Permission } from './scopes.ts';

/** What the decision asks of a caller. */
export interface Granting {
  /** Whether the permission is given for any resource of the type. */
  grants(permission: Permission, type: string): boolean;
  /** Whether it is given for all resources of all types, without conditions. */
  grantsAll(permission: Permission): boolean;
  manages(what: Managed): boolean;
}

/** What a request is about; '' where it names no such thing. */
export interface About {
  readonly type: string;
  readonly operation: string;
  /** The type searched for in a compartment, or `*`. */
  readonly member: string;
}

const acrossTypes: ReadonlySet<Interaction> = new Set<Interaction>(['search-system', 'history-system']);

/** Operations on the system that decide by themselves, for each type in the result. */
const deciding: ReadonlySet<string> = new Set(['$export', '$graphql']);

/** @throws OutcomeError `forbidden` (403). */
export function authorise(granting: Granting, interaction: Interaction, about: About): void {
  const across = interaction === 'operation' && about.type === '' && deciding.has(about.operation);
  if (across || acrossTypes.has(interaction)) {
    if (!resourceTypes.some((type) => decide(granting, across ? 'search-system' : interaction, type).allowed)) {
      throw outcomeError('forbidden', `Your scopes do not allow ${interaction} on any resource type.`);
    }
    return;
  }
  const type = about.member === '' ? about.type : about.member;
  const decision = decide(granting, interaction, type, about.operation);
  if (!decision.allowed) {
    throw outcomeError('forbidden', decision.sentence);
  }
}

export type Decision = { readonly allowed: true } | { readonly allowed: false; readonly sentence: string };

const allowed: Decision = { allowed: true };

/**
 * May the caller do this on resources of the type?
 * @param type resource type; '' for the whole system, which needs a scope for all types without conditions
 * @param operation name with its $, for the interaction `operation`
 */
export function decide(granting: Granting, interaction: Interaction, type: string, operation = ''): Decision {
  const needed: readonly Need[] | undefined =
    interaction === 'operation' ? operationNeeds.get(operation) : ([...interactionNeeds[interaction]] as Permission[]);
  if (needed === undefined)
    return { allowed: false, sentence: `No scope allows the operation ${operation.slice(0, 60)}.` };
  const missing = needed.find((need) => !has(granting, need, type));
  if (missing === undefined) return allowed;
  const deed = interaction === 'operation' ? operation : interaction;
  return { allowed: false, sentence: refusal(deed, type, missing) };
}

function has(granting: Granting, need: Need, type: string): boolean {
  if (typeof need === 'object') return granting.manages(need.manage);
  return type === '' || type === '*' ? granting.grantsAll(need) : granting.grants(need, type);
}

function refusal(deed: string, type: string, need: Need): string {
  if (typeof need === 'object') {
    return `Your scopes do not allow ${deed}: that needs the scope manage/${need.manage}.`;
  }
  const place = type === '' || type === '*' ? 'all resource types' : type;
  return `Your scopes do not allow ${deed} on ${place}: that needs a scope such as system/${type === '' ? '*' : type}.${need}.`;
}

/** The permits alone; what an unusable filter takes away is known only where the search parameters are. */
export function grantingOf({ permits, manages }: Pick<Caller, 'permits' | 'manages'>): Granting {
  return {
    grants: (permission, type) => grants(permits, permission, type),
    grantsAll: (permission) => grants(permits.filter(isUnconditional), permission, '*'),
    manages: (what) => manages.includes(what),
  };
}
