/**
 * What a message became gets the codings that its interface's ConceptMaps know by now: the mapped coding comes first, all
 * else stays as it is now, so that what was corrected or mended since is not undone.
 */
import { cloneJson, type JsonObject, type JsonValue } from '../fhir/json.ts';
import { inTransaction } from '../interactions/commit.ts';
import { parseStored } from '../interactions/document.ts';
import { findMatches } from '../interactions/matches.ts';
import type { Context, Server } from '../request.ts';
import { recodeMessage, type StoredMessage } from '../store/messages.ts';
import { isLocalSystem } from '../translation/codes.ts';
import type { Settings } from '../translation/translation.ts';
import { write } from './apply.ts';
import { contextOf, interfaceCaller } from './gateway.ts';
import type { Registered, Served } from './interfaces.ts';
import { codeTask, endTask } from './task.ts';
import { unmappedOf } from './unmapped.ts';

/** @returns whether something was mapped */
export async function recode(server: Server, served: Served<Registered>, stored: StoredMessage): Promise<boolean> {
  const { tenant, interface: one, mapped } = served;
  const problems = stored.problems.filter((problem) => {
    const code = unmappedOf(problem);
    return code === undefined || mapped(code.system, code.code) === undefined;
  });
  if (problems.length === stored.problems.length) return false;
  const caller = await interfaceCaller(server, tenant, one.id);
  const context = contextOf(server, { tenant, caller, requestId: stored.id, address: stored.peer });
  await inTransaction(context, async (inside) => {
    const requests = await requestsOf(inside, stored, mapped);
    const made = await write(inside, requests);
    await recodeMessage(inside.session, stored.id, { problems, resources: [...stored.resources, ...made] });
  });
  for (const problem of stored.problems) {
    const code = unmappedOf(problem);
    if (code === undefined || problems.includes(problem)) continue;
    // Nobody needs to map it any more.
    await endTask(server, { tenant, interface: one, peer: stored.peer }, codeTask(one.id, code.code));
  }
  return true;
}

async function requestsOf(context: Context, stored: StoredMessage, mapped: Settings['mapped']): Promise<JsonObject[]> {
  const names = new Set(stored.resources.flatMap((name) => /^([A-Z]\w+\/[^/]+)\/_history/.exec(name)?.[1] ?? []));
  const requests: JsonObject[] = [];
  for (const url of names) {
    const [type = '', id = ''] = url.split('/');
    if (type === 'Provenance') continue;
    // What is gone since stays so.
    const [match] = await findMatches(context, type, [['_id', id]], 1);
    if (match === undefined) continue;
    const current = parseStored(match.text);
    const resource = cloneJson(current) as JsonObject;
    if (!addCodings(resource, mapped)) continue;
    requests.push({ resource: { ...resource, id }, request: { method: 'PUT', url, ifMatch: `W/"${match.version}"` } });
  }
  return requests;
}

/** In every `coding` below a value; whether there was something to add. */
export function addCodings(value: JsonValue, mapped: Settings['mapped']): boolean {
  if (Array.isArray(value)) return value.map((item) => addCodings(item, mapped)).includes(true);
  if (typeof value !== 'object' || value === null) return false;
  let changed = false;
  for (const [name, member] of Object.entries(value)) {
    if (name === 'coding' && Array.isArray(member)) changed = addTo(member as JsonObject[], mapped) || changed;
    else if (typeof member === 'object') changed = addCodings(member, mapped) || changed;
  }
  return changed;
}

function addTo(codings: JsonObject[], mapped: Settings['mapped']): boolean {
  const added = codings
    .flatMap(({ system, code }): JsonObject[] => {
      const found = isLocalSystem(String(system)) ? mapped(String(system), String(code)) : undefined;
      return found === undefined ? [] : [found];
    })
    .filter((one) => !codings.some(({ system, code }) => system === one['system'] && code === one['code']));
  codings.unshift(...added);
  return added.length > 0;
}
