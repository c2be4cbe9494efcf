/**
 * The Tasks by which the data protection officers of a laboratory learn that it leaves: when that is announced, on each
 * reminder, and where its deletion is due but a legal hold keeps it. They are written by the transaction of what they tell.
 * https://hl7.org/fhir/R4/task.html
 *
 * 1. One for each officer who is a resource of the laboratory; without any, one for the role.
 * 2. A departure that is cancelled takes back those that nobody has ended.
 * 3. A full laboratory is told too.
 */
import { operatorCaller } from '../access/caller.ts';
import { officerRole } from '../access/roles.ts';
import { parseScopes } from '../access/scopes.ts';
import { contextFor } from '../exporting/context.ts';
import type { JsonObject } from '../fhir/json.ts';
import { commitAll } from '../interactions/commit.ts';
import { parseStored } from '../interactions/document.ts';
import { findMatches } from '../interactions/matches.ts';
import { newId } from '../interactions/new-id.ts';
import { prepare } from '../interactions/prepare.ts';
import type { Context, Server } from '../request.ts';
import { holdersOf } from '../store/break-glass.ts';
import type { Departure } from '../store/departures.ts';
import type { Session } from '../store/pool.ts';
import { loadSearchState } from '../store/search-parameters.ts';
import type { Tenant } from '../store/tenants.ts';

/** The code of such Tasks, in the system urn:makhbar:task. */
const code = 'departure';
/** Of their identifiers: of the departure (groupIdentifier) and of what of it is told. */
const system = 'urn:makhbar:departure';

export type Occasion = 'announced' | 'reminded' | 'held';

const sentences: Readonly<Record<Occasion, (until: string) => string>> = {
  announced: (until) => `The laboratory leaves: its data can be taken until ${until}, and are deleted then.`,
  reminded: (until) => `The laboratory leaves soon: its data can be taken until ${until}, and are deleted then.`,
  held: (until) => `The window ended on ${until}; the data are not deleted while a legal hold keeps them.`,
};

/** Whose transaction it is written by. */
export interface Telling {
  readonly server: Server;
  readonly tenant: Tenant;
  readonly session: Session;
}

export async function tellOfficers(telling: Telling, departure: Departure, occasion: Occasion): Promise<void> {
  const context = await ownContext(telling);
  const name = `${departure.asked}/${occasion}`;
  if (occasion === 'held' && (await findMatches(context, 'Task', [['identifier', `${system}|${name}`]], 1)).length > 0)
    return;
  const officers = await holdersOf(context.session, officerRole);
  const owners: (string | undefined)[] = officers.length === 0 ? [undefined] : officers;
  const tasks = owners.map((owner) => {
    const intent = { id: newId(), method: 'POST', expect: 'absent', fresh: true } as const;
    return prepare(context, taskOf(departure, { occasion, name, owner }), intent);
  });
  await commitAll(context, tasks);
}

interface Told {
  readonly occasion: Occasion;
  readonly name: string;
  readonly owner: string | undefined;
}

function taskOf({ asked, windowEnds }: Departure, { occasion, name, owner }: Told): JsonObject {
  return {
    resourceType: 'Task',
    identifier: [{ system, value: name }],
    groupIdentifier: { system, value: asked },
    status: 'requested',
    intent: 'order',
    priority: occasion === 'announced' ? 'routine' : 'urgent',
    code: { coding: [{ system: 'urn:makhbar:task', code }], text: 'Departure of the laboratory' },
    description: sentences[occasion](windowEnds),
    authoredOn: new Date().toISOString(),
    performerType: [{ coding: [{ system: 'urn:makhbar:role', code: officerRole }] }],
    ...(owner !== undefined && { owner: { reference: owner } }),
    restriction: { period: { end: windowEnds } },
  };
}

const most = 1_000;
const ended: readonly unknown[] = ['completed', 'cancelled', 'rejected', 'failed', 'entered-in-error'];

/** The departure is cancelled: so are its Tasks. */
export async function withdrawTasks(telling: Telling, { asked }: Departure): Promise<void> {
  const context = await ownContext(telling);
  const found = await findMatches(context, 'Task', [['group-identifier', `${system}|${asked}`]], most);
  const changes = found.flatMap(({ id, version, text }) => {
    const task = parseStored(text);
    if (ended.includes(task['status'])) return [];
    return prepare(context, { ...task, status: 'cancelled' }, { id, method: 'PUT', expect: version });
  });
  if (changes.length > 0) await commitAll(context, changes);
}

/** The server's own doing: who announces a departure need not be allowed to write Tasks. */
async function ownContext({ server, tenant, session }: Telling): Promise<Context> {
  const caller = operatorCaller({ subject: 'makhbar', client: 'makhbar', scopes: parseScopes('system/Task.cruds') });
  const search = await loadSearchState({ query: (_, statement) => session.query(statement) }, tenant.id);
  const own = { ...tenant, settings: { ...tenant.settings, storageLimit: 0 }, search };
  return {
    ...contextFor({ server, tenant: own, session, request: { base: '', caller }, id: newId() }),
    inTransaction: true,
  };
}
