/**
 * What resources refer to and is deleted, as it was last: a message that withdraws a result still says which. The caller sees
 * what he would see if it were there (as-if.ts); what has a status has the status `deleted`.
 */
import type { JsonObject } from '../fhir/json.ts';
import { typeNumber } from '../fhir/resource-types.ts';
import type { Context } from '../request.ts';
import { readEnded } from '../store/history.ts';
import type { Key, Stored } from '../store/read.ts';
import { accessOf } from './access.ts';
import { areVisible } from './as-if.ts';
import { parseStored } from './document.ts';
import { literal, referencesOf, type Find } from './referenced.ts';

/** No code of FHIR: what a message says of it follows from it. */
export const deletedStatus = 'deleted';

/** Steps: report → panel → result → its specimen. */
const steps = 3;
/** Resources in all. */
const most = 2_000;

/** A version that was ended by a deletion, as a message tells it. */
export function endedResource({ text }: Stored): JsonObject {
  const resource = parseStored(text ?? '{}');
  return 'status' in resource ? { ...resource, status: deletedStatus } : resource;
}

/** @param find what is there @returns what is there or was */
export async function withEnded(context: Context, roots: readonly JsonObject[], find: Find): Promise<Find> {
  const ended = new Map<string, JsonObject>();
  const looked = new Set<string>();
  let next: readonly JsonObject[] = roots;
  for (let step = 0; step < steps && next.length > 0 && looked.size < most; step++) {
    const named = new Set<string>();
    for (const one of next) referencesOf(one, named);
    const wanted = [...named].filter((name) => !looked.has(name)).slice(0, most);
    for (const name of wanted) looked.add(name);
    const there = wanted.map((name) => find({ reference: name })).filter((one) => one !== undefined);
    const gone = wanted.filter((name) => find({ reference: name }) === undefined);
    const read = await readVisible(context, gone.map(keyOf));
    for (const resource of read) ended.set(nameOf(resource), resource);
    next = [...there, ...read];
  }
  return (reference) => {
    const name = reference?.['reference'];
    return find(reference) ?? (typeof name === 'string' ? ended.get(literal(name) ?? '') : undefined);
  };
}

async function readVisible(context: Context, keys: readonly Key[]): Promise<JsonObject[]> {
  const versions = await readEnded(context.session, keys);
  const visible = await areVisible(context, versions, accessOf(context, 'r'));
  return versions.flatMap((one, i) => (visible[i] === true ? [endedResource(one)] : []));
}

function keyOf(name: string): Key {
  const [type = '', id = ''] = name.split('/');
  return { type: typeNumber(type) ?? -1, id };
}

function nameOf({ resourceType, id }: JsonObject): string {
  return `${String(resourceType)}/${String(id)}`;
}
