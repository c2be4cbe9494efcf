/**
 * Who an agent of the audit log is, for people: the name in the laboratory's records, the account, the organisation. What
 * the caller may not read of the records is not told.
 */
import type { Agent } from '../audit/record.ts';
import type { JsonObject, JsonValue } from '../fhir/json.ts';
import { accessOf } from '../interactions/access.ts';
import { parseStored } from '../interactions/document.ts';
import { searchParametersOf } from '../interactions/search-parameters.ts';
import type { Context } from '../request.ts';
import { parseSearch } from '../search/parse.ts';
import { findMatches } from '../store/search.ts';
import { accountNames, clientNames, type AccountName } from '../store/report-names.ts';
import { asksForOthers } from './report-search.ts';

export interface Organization {
  readonly reference: string;
  readonly name: string | undefined;
}

export interface Someone {
  readonly agent: Agent;
  /** A machine acts for itself: its application is all that is known. */
  readonly person: boolean;
  readonly name: string | undefined;
  readonly username: string | undefined;
  readonly clientName: string | undefined;
  readonly organizations: readonly Organization[];
}

export type People = (agent: Agent) => Someone;

/** Names of accounts are for those who watch over others; a patient sees the names that the records show him. */
export async function peopleOf(context: Context, agents: readonly Agent[]): Promise<People> {
  const others = asksForOthers(context);
  const subjects = [...new Set(agents.map(({ subject }) => subject))];
  const accounts = others ? await accountNames(context.session, subjects) : new Map<string, AccountName>();
  const clients = await clientNames(context.session, [...new Set(agents.map(({ client }) => client))]);
  const records = await recordsOf(context, [...new Set(agents.flatMap(({ fhirUser }) => fhirUser ?? []))]);
  return (agent) => {
    const account = accounts.get(agent.subject);
    const record = records.get(agent.fhirUser ?? '');
    return {
      agent,
      person: agent.subject !== '' && agent.subject !== agent.client,
      name: record?.name ?? account?.display ?? (others ? agent.name : undefined),
      username: account?.username,
      clientName: clients.get(agent.client),
      organizations: record?.organizations ?? [],
    };
  };
}

interface InRecords {
  readonly name: string | undefined;
  readonly organizations: readonly Organization[];
}

const withRecords = /^(Practitioner|PractitionerRole|Patient|RelatedPerson)\/[A-Za-z0-9.-]{1,64}$/;

async function recordsOf(context: Context, users: readonly string[]): Promise<Map<string, InRecords>> {
  const known = users.filter((user) => withRecords.test(user));
  const persons = await readAll(context, known);
  const practitioners = known.filter((user) => user.startsWith('Practitioner/'));
  const roles = [
    ...(await found(context, 'PractitionerRole', 'practitioner', practitioners)),
    ...[...persons.values()].filter((resource) => resource['resourceType'] === 'PractitionerRole'),
  ].filter((role) => role['active'] !== false);
  const behind = await readAll(
    context,
    roles.flatMap((role) => referenceIn(role, 'practitioner')),
  );
  const organizations = await readAll(
    context,
    roles.flatMap((role) => referenceIn(role, 'organization')),
  );
  return new Map(
    known.map((user) => {
      const own = roles.filter((role) => nameOf(role) === user || referenceIn(role, 'practitioner').includes(user));
      const person = user.startsWith('PractitionerRole/')
        ? own.flatMap((role) => referenceIn(role, 'practitioner')).map((reference) => behind.get(reference))[0]
        : persons.get(user);
      return [user, { name: humanName(person), organizations: organizationsOf(own, organizations) }];
    }),
  );
}

function organizationsOf(roles: readonly JsonObject[], known: ReadonlyMap<string, JsonObject>): Organization[] {
  const references = [...new Set(roles.flatMap((role) => referenceIn(role, 'organization')))];
  return references.map((reference) => {
    const name = known.get(reference)?.['name'];
    return { reference, name: typeof name === 'string' ? name : undefined };
  });
}

function nameOf(resource: JsonObject): string {
  return `${String(resource['resourceType'])}/${String(resource['id'])}`;
}

function referenceIn(resource: JsonObject, member: string): string[] {
  const reference = objectOf(resource[member])?.['reference'];
  return typeof reference === 'string' ? [reference] : [];
}

/** By `Type/id`, as far as the caller may read them. */
async function readAll(context: Context, references: readonly string[]): Promise<Map<string, JsonObject>> {
  const byType = Map.groupBy(
    new Set(references.filter((one) => /^[A-Z][A-Za-z]+\/[A-Za-z0-9.-]{1,64}$/.test(one))),
    (one) => one.slice(0, one.indexOf('/')),
  );
  const all: JsonObject[] = [];
  for (const [type, names] of byType) {
    const ids = names.map((name) => name.slice(type.length + 1));
    all.push(...(await found(context, type, '_id', ids)));
  }
  return new Map(all.map((resource) => [nameOf(resource), resource]));
}

/** Values in one search. */
const together = 200;

async function found(context: Context, type: string, name: string, values: readonly string[]): Promise<JsonObject[]> {
  const access = accessOf(context, 'r');
  if (access(type) === undefined) return [];
  const all: JsonObject[] = [];
  for (let at = 0; at < values.length; at += together) {
    const query: [string, string][] = [[name, values.slice(at, at + together).join(',')]];
    const search = parseSearch(type, query, { parameters: searchParametersOf(context), access });
    const stored = await findMatches(context.session, search, mostFound);
    all.push(...stored.flatMap(({ text }) => (text === null ? [] : [parseStored(text)])));
  }
  return all;
}

/** A guess: five roles for each of the people asked for. */
const mostFound = together * 5;

export function humanName(resource: JsonObject | undefined): string | undefined {
  const given = resource?.['name'];
  const names = Array.isArray(given) ? given.map(objectOf).filter((one) => one !== undefined) : [];
  const name = names.find(({ use }) => use === 'official' || use === 'usual') ?? names[0];
  if (name === undefined) return undefined;
  const { text, prefix, given: own, family } = name;
  if (typeof text === 'string') return text;
  const parts = [prefix, own, family].flat().filter((part) => typeof part === 'string');
  return parts.length === 0 ? undefined : parts.join(' ');
}

function objectOf(value: JsonValue | undefined): JsonObject | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
}
