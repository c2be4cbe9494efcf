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
  patient: string | null;
  status: string | null;
  dateLow: number;
  dateHigh: number | null;
}

/** A value in its place: `parent[key]`, in the `rep`-th repetition of the resource's first-level element. */
export type Emit = (value: JsonValue, parent: object, key: string | number, rep: number, sink: Sink) => void;

/** How values of a FHIR type become rows of a path; undefined where they do not. */
export type EmitMaker = (path: IndexedPath, elementType: string) => Emit | undefined;
