/**
 * What is about a patient goes with him when two records become one, so that whoever opens the surviving record sees all of it,
 * by whatever search, compartment or scope, and comes back when they part.
 *
 * Decision: the references are written anew, as versions of their own, and the Provenance of the merge names the version that
 * each resource had before. Rejected: to look for merged patients in each search, which would have to hold in every
 * compartment, scope, consent, export and subscription too. Signatures are of versions and stay good.
 *
 * 1. Stays: Provenance, Binary, data-subject requests, other Patients, and what names the patient outside of references.
 * 2. Parting gives what nobody changed since its former content, to the last digit; of what was changed, only the references.
 *    What was made for the surviving patient since stays his.
 */
import { cloneJson, type JsonObject } from '../../fhir/json.ts';
import { outcomeError } from '../../fhir/outcome.ts';
import { rewriteReferences } from '../../fhir/reference-rewrite.ts';
import { typeName, typeNumber } from '../../fhir/resource-types.ts';
import { parseStored } from '../../interactions/document.ts';
import type { Prepared } from '../../interactions/prepare.ts';
import { codeIn, object, objects, text } from '../../laboratory/terms.ts';
import { idPrefix } from '../../privacy/request-task.ts';
import type { Context } from '../../request.ts';
import { readManyLocked, readVersion, type Key } from '../../store/read.ts';
import { referrersOf } from '../../store/referrers.ts';
import { asServer, changed, writeAll } from './server-rights.ts';
import { knownBy } from './specimens-and-orders.ts';

/** A guess: two seconds of writing. */
const most = 5_000;
/** Written at once. */
const some = 200;
const staying: ReadonlySet<string> = new Set(['Patient', 'Provenance', 'AuditEvent', 'Binary']);

/** Gives the versions that they had: `Observation/1/_history/3`. */
export async function moveRecords(inside: Context, source: string, target: string): Promise<string[]> {
  const key = { type: typeNumber('Patient') ?? -1, id: source.slice('Patient/'.length) };
  const found = await referrersOf(inside.session, key, most + 1);
  if (found.length > most) {
    throw outcomeError('too-costly', `More than ${most} resources are about ${source}: too many for one merge.`);
  }
  const moving = found.filter(({ type, id }) => !staying.has(typeName(type)) && !id.startsWith(idPrefix));
  const moved: string[] = [];
  for (let at = 0; at < moving.length; at += some) {
    const server = asServer(inside);
    const stored = await readManyLocked(inside.session, moving.slice(at, at + some));
    const written: Prepared[] = [];
    for (const { type, id, version, text: content } of stored) {
      const resource = content === null ? undefined : renamed(parseStored(content), source, target);
      if (resource === undefined) continue;
      written.push(changed(server, resource, version));
      moved.push(`${typeName(type)}/${id}/_history/${version}`);
    }
    await writeAll(server, written);
  }
  return moved;
}

function renamed(resource: JsonObject, from: string, to: string): JsonObject | undefined {
  const copy = cloneJson(resource);
  return rewriteReferences(copy, new Map([[from, { reference: to }]])) ? copy : undefined;
}

/** Takes the last merge of the two back. */
export async function returnRecords(inside: Context, source: string, target: string): Promise<void> {
  const server = asServer(inside);
  const moved = await movedBy(server, source, target);
  for (let at = 0; at < moved.length; at += some) {
    const part = moved.slice(at, at + some);
    const before = new Map(part.map((one) => [`${one.type}/${one.id}`, one]));
    const written: Prepared[] = [];
    for (const { type, id, version, text: content } of await readManyLocked(inside.session, part)) {
      const former = before.get(`${type}/${id}`)?.version ?? 0;
      if (content === null) continue;
      const now = parseStored(content);
      const resource =
        version === former + 1 ? await asItWas(inside, { type, id, version: former }) : renamed(now, target, source);
      if (resource !== undefined) written.push(changed(server, resource, version));
    }
    await writeAll(server, written);
  }
}

async function asItWas(inside: Context, key: Key & { version: number }): Promise<JsonObject | undefined> {
  const stored = await readVersion(inside.session, key);
  return stored?.text == null ? undefined : parseStored(stored.text);
}

async function movedBy(
  server: Context,
  source: string,
  target: string,
): Promise<(Key & { readonly version: number })[]> {
  const all = await knownBy(server, 'Provenance', [['target', source]]);
  const [last] = all
    .map(({ resource }) => resource)
    .filter(
      ({ activity, target: targets }) =>
        codeIn(activity, 'urn:makhbar:specimen-step') === 'merge' &&
        [source, target].every((name) => objects(targets).some(({ reference }) => reference === name)),
    )
    .sort((a, b) => (String(a['recorded']) < String(b['recorded']) ? 1 : -1));
  return objects(last?.['entity']).flatMap(({ what }) => {
    const [, type, id, version] = /^(\w+)\/([^/]+)\/_history\/(\d+)$/.exec(text(object(what)['reference']) ?? '') ?? [];
    const number = type === undefined ? undefined : typeNumber(type);
    return number === undefined || id === undefined ? [] : [{ type: number, id, version: Number(version) }];
  });
}
