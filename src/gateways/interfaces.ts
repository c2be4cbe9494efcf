/**
 * The interfaces of all laboratories, read from their Endpoints: one that is added, changed or ended works so within
 * `lookEvery`, in every process; what else bears on it (rights, search parameters) within `readEvery`.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Caller } from '../access/caller.ts';
import { parseStored } from '../interactions/document.ts';
import type { Server } from '../request.ts';
import { interfaceRevisions, settingsOfType, stateOfMaps } from '../store/endpoints.ts';
import type { Session } from '../store/pool.ts';
import { loadSearchState, type SearchState } from '../store/search-parameters.ts';
import { listTenants, type Tenant } from '../store/tenants.ts';
import type { JsonObject } from '../fhir/json.ts';
import type { Settings } from '../translation/translation.ts';
import { interfaceCaller, sessionOf } from './gateway.ts';
import { localBy, mappedBy } from './concept-maps.ts';

/** What interfaces of each protocol have in common. */
export interface Registered {
  /** Id of the Endpoint. */
  readonly id: string;
  readonly name: string;
  /** 0 for the port that all share, -1 where nothing listens. */
  readonly port: number;
  readonly secure: boolean;
  /** `url` of the ConceptMaps for its local codes. */
  readonly conceptMaps: readonly string[];
}

/** Undefined for an Endpoint that is no active interface of the protocol. */
export type ReadInterface<Own extends Registered> = (endpoint: JsonObject) => Own | undefined;

export interface Served<Own extends Registered> {
  readonly tenant: Tenant;
  readonly interface: Own;
  /** By its ConceptMaps. */
  readonly mapped: Settings['mapped'];
  /** The other way round: the peer's own code of a test. */
  readonly local: Settings['mapped'];
}

const callers = new WeakMap<Registered, Promise<Caller>>();

/** As the interface was read last: what its role may do is read anew with it. */
export function callerOf(server: Server, { tenant, interface: own }: Served<Registered>): Promise<Caller> {
  const known = callers.get(own);
  if (known !== undefined) return known;
  const made = interfaceCaller(server, tenant, own.id);
  callers.set(own, made);
  made.catch(() => callers.delete(own));
  return made;
}

/** The name of its turns. */
export function turnOf({ tenant, interface: { id } }: Served<Registered>): string {
  return `${tenant.id} ${id}`;
}

/** What was read last of a laboratory; read again where it has changed. */
interface Read {
  maps?: { readonly state: string; readonly maps: readonly JsonObject[] };
  /** By its own search parameters what comes by message is found as well. */
  search?: SearchState;
}
export type Memory = Map<number, Read>;

export interface Interfaces<Own extends Registered> {
  /** Those of a port; 0 is the one that is shared. */
  ofPort(port: number): readonly Served<Own>[];
  all(): readonly Served<Own>[];
  /** Ports of their own. */
  ports(): readonly { readonly port: number; readonly secure: boolean }[];
  refresh(): Promise<void>;
  stop(): Promise<void>;
}

/** Milliseconds. Two statements a look, however many laboratories; a read takes some for each that has interfaces. */
const lookEvery = 1_000;
const readEvery = 5_000;

export async function watchInterfaces<Own extends Registered>(
  server: Server,
  read: ReadInterface<Own>,
  changed: () => Promise<void>,
): Promise<Interfaces<Own>> {
  let served: readonly Served<Own>[] = [];
  const looked: Looked<Own> = new Map();
  const memory: Memory = new Map();
  const stopping = new AbortController();
  const refresh = async (): Promise<void> => {
    served = await readAll(server, { read, memory, looked });
    await changed();
  };
  const interfaces: Interfaces<Own> = {
    ofPort: (port) => served.filter((one) => one.interface.port === port),
    all: () => served,
    ports: () => {
      const own = served.map((one) => one.interface).filter(({ port }) => port > 0);
      // The first interface that names a port says whether it speaks TLS.
      return [...new Map(own.toReversed().map(({ port, secure }) => [port, { port, secure }])).values()];
    },
    refresh,
    stop: async () => {
      stopping.abort();
      await loop;
    },
  };
  served = await readAll(server, { read, memory, looked });
  const loop = (async () => {
    while (!stopping.signal.aborted) {
      await pause(lookEvery, undefined, { signal: stopping.signal, ref: false }).catch(() => undefined);
      if (stopping.signal.aborted) return;
      await refresh().catch((error: unknown) => server.log.warn({ err: error }, 'interfaces not read'));
    }
  })();
  return interfaces;
}

interface Reading<Own extends Registered> {
  readonly read: ReadInterface<Own>;
  readonly memory: Memory;
  readonly looked: Looked<Own>;
}

/** Of each laboratory: what it was made of, and what came of it when. */
type Looked<Own extends Registered> = Map<
  number,
  { readonly state: string; readonly served: readonly Served<Own>[]; readonly at: number }
>;

async function readAll<Own extends Registered>(
  server: Server,
  { read, memory, looked }: Reading<Own>,
): Promise<Served<Own>[]> {
  // Before what they count: a change that comes between the two is read once more.
  const revisions = await interfaceRevisions(server.database);
  const tenants = (await listTenants(server.database)).filter(({ status }) => status === 'active');
  const active = new Set(tenants.map(({ id }) => id));
  for (const map of [looked, memory]) for (const id of map.keys()) if (!active.has(id)) map.delete(id);
  for (const tenant of tenants) {
    const state = JSON.stringify([tenant, revisions.get(tenant.id)]);
    const known = looked.get(tenant.id);
    const age = known === undefined || known.served.length === 0 ? 0 : performance.now() - known.at;
    if (known?.state === state && age < readEvery) continue;
    const served = await readServed(server, tenant, { read, memory });
    looked.set(tenant.id, { state, served, at: performance.now() });
  }
  return tenants.flatMap(({ id }) => looked.get(id)?.served ?? []);
}

/** The interfaces of one laboratory. */
export async function readServed<Own extends Registered>(
  server: Server,
  tenant: Tenant,
  { read: readOne, memory = new Map() }: { readonly read: ReadInterface<Own>; readonly memory?: Memory },
): Promise<Served<Own>[]> {
  const session = sessionOf(server, tenant);
  const texts = await settingsOfType(session, 'Endpoint');
  const found = texts.map((text) => readOne(parseStored(text))).filter((one) => one !== undefined);
  if (found.length === 0) return [];
  const read = memory.get(tenant.id) ?? {};
  memory.set(tenant.id, read);
  read.search = await loadSearchState(server.database, tenant.id, read.search);
  const known = found.some(({ conceptMaps }) => conceptMaps.length > 0) ? await readMaps(session, read) : [];
  const searched = { ...tenant, search: read.search };
  return found.map((one) => ({
    tenant: searched,
    interface: one,
    mapped: mappedBy(known, one.conceptMaps),
    local: localBy(known, one.conceptMaps),
  }));
}

async function readMaps(session: Session, read: Read): Promise<readonly JsonObject[]> {
  const state = await stateOfMaps(session);
  if (read.maps?.state === state) return read.maps.maps;
  const maps = (await settingsOfType(session, 'ConceptMap')).map((text) => parseStored(text));
  read.maps = { state, maps };
  return maps;
}
