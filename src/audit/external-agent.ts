/**
 * Who did it, of an event of another system, as the log keeps agents: so that reports count and name people of other systems
 * like those of this one. Pure.
 *
 * 1. The one who asked for it (`requestor`), or else the first.
 * 2. Its name never is that of an account here: that of the application which brought the event stands before it.
 */
import type { JsonObject } from '../fhir/json.ts';
import { parseReference } from '../fhir/reference.ts';
import type { Agent } from './record.ts';

interface Sent {
  readonly requestor?: boolean;
  readonly who?: {
    readonly reference?: string;
    readonly identifier?: { readonly value?: string };
    readonly display?: string;
  };
  readonly altId?: string;
  readonly name?: string;
}

/** A guess; names are shorter. */
const longest = 200;

/** @param bases our own addresses, @param client the application that brought the event */
export function externalAgent(event: JsonObject, client: string, bases: readonly string[]): Agent {
  const agents = (event['agent'] ?? []) as unknown as readonly Sent[];
  const { who, altId, name = who?.display } = agents.find(({ requestor }) => requestor === true) ?? agents[0] ?? {};
  const known = altId ?? who?.identifier?.value ?? who?.reference ?? name;
  const person = who?.reference === undefined ? undefined : parseReference(who.reference, bases);
  return {
    subject: known === undefined ? client : `${client}|${known}`.slice(0, longest).toWellFormed(),
    client,
    roles: [],
    ...(person?.kind === 'local' && { fhirUser: `${person.type}/${person.id}` }),
    ...(name !== undefined && { name: name.slice(0, longest).toWellFormed() }),
  };
}
