/** Where extraction puts the rows of one resource while it walks through it. */
import type { JsonValue } from '../fhir/json.ts';
import type { IndexedPath } from './parameters.ts';

export interface Sink {
  /** IANA zone of dates without one. */
  readonly zone: string;
  readonly bases: readonly string[];
  readonly token: unknown[][];
  readonly reference: unknown[][];
  readonly string: unknown[][];
  readonly date: unknown[][];
  readonly quantity: unknown[][];
  /** Param and id of each reference to a contained resource; made when there is one. */
  inner: [param: number, id: string][] | undefined;
  /** How many items the expression engine may look at for one path. */
  readonly mostItems: number;
  patient: string | null;
  status: string | null;
  dateLow: number;
  dateHigh: number | null;
}

/** From so many rows on (a guess), a key is looked up in a Set instead of in the rows. */
const few = 24;

const keySets = new WeakMap<unknown[][], Set<string>>();

/**
 * Whether one of the rows has the same values in the columns; where not, the row is about to be added. Walking through
 * all rows each time would take time with the square of their number: 20,000 names stopped the process for 5 s.
 */
export function isKnown(rows: unknown[][], row: readonly unknown[], columns: readonly number[]): boolean {
  if (rows.length < few) return rows.some((other) => columns.every((column) => other[column] === row[column]));
  let keys = keySets.get(rows);
  if (keys === undefined) {
    keys = new Set(rows.map((other) => keyOf(other, columns)));
    keySets.set(rows, keys);
  }
  const known = keys.size;
  return keys.add(keyOf(row, columns)).size === known;
}

function keyOf(row: readonly unknown[], columns: readonly number[]): string {
  return columns.map((column) => row[column]).join('\u0000');
}

/** A value in its place: `parent[key]`, in the `rep`-th repetition of the resource's first-level element. */
export type Emit = (value: JsonValue, parent: object, key: string | number, rep: number, sink: Sink) => void;

/** How values of a FHIR type become rows of a path; undefined where they do not. */
export type EmitMaker = (path: IndexedPath, elementType: string) => Emit | undefined;
