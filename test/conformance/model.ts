/**
 * A FHIR server in a few lines of memory: what the specification says must come of a sequence of interactions on one
 * type. It knows numbers of versions, deletions, If-Match and conditions by identifier; nothing else.
 */

export interface Version {
  deleted: boolean;
  /** What the resource carries in multipleBirthInteger. */
  mark: number;
  /** Its identifiers. */
  names: readonly string[];
}

/** All versions of each resource, by id; the last one is the current one. */
export type Model = Map<string, Version[]>;

export interface Expected {
  status: number;
  /** The id of the resource, where it exists before; 'new' for one that the server names. */
  id?: string;
}

export function current(model: Model, id: string): Version | undefined {
  return model.get(id)?.at(-1);
}

export function matching(model: Model, name: string): string[] {
  return [...model].filter(([, versions]) => isMatch(versions.at(-1), name)).map(([id]) => id);
}

function isMatch(version: Version | undefined, name: string): boolean {
  return version !== undefined && !version.deleted && version.names.includes(name);
}

export function write(model: Model, id: string, version: Version): void {
  model.set(id, [...(model.get(id) ?? []), version]);
}

/** PUT by id: creates, updates, or brings back; If-Match must name the current version. */
export function put(model: Model, id: string, version: Version, ifMatch?: number): Expected {
  const before = model.get(id)?.length ?? 0;
  const lives = current(model, id)?.deleted === false;
  if (ifMatch !== undefined && (!lives || ifMatch !== before)) {
    return { status: 412 };
  }
  write(model, id, version);
  return { status: lives ? 200 : 201, id };
}

export function remove(model: Model, id: string): Expected {
  const version = current(model, id);
  if (version !== undefined && !version.deleted) {
    write(model, id, { deleted: true, mark: 0, names: [] });
  }
  return { status: 204 };
}

/** A write on the one resource that has the name; `none` is what comes of no match. */
export function conditional(model: Model, name: string, none: Expected, one: (id: string) => Expected): Expected {
  const ids = matching(model, name);
  if (ids.length > 1) {
    return { status: 412 };
  }
  return ids[0] === undefined ? none : one(ids[0]);
}
