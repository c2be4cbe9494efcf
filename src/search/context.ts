/** What parsing a value may need to know, and how a parameter type takes part. */
import type { Access, Condition } from './ast.ts';
import type { Parameter, TenantParameters } from './parameters.ts';

/** Pairs of name and value, decoded, in the order of the query. */
export type Query = readonly (readonly [name: string, value: string])[];

/** Codes of a value set or of a hierarchy: what src/fhir/terminology.ts offers, as search needs it. */
export interface Terminology {
  /** All codes of a value set by its canonical; undefined where it is not known or cannot be listed. */
  readonly expand: (valueSet: string) => readonly { system: string; code: string }[] | undefined;
  /** A code with all that it subsumes (`below`) or that subsume it (`above`); undefined where the system is unknown. */
  readonly related: (system: string, code: string, direction: 'above' | 'below') => readonly string[] | undefined;
  /** The systems whose codes a `code` element bound to this value set has. */
  readonly systems: (valueSet: string) => readonly string[] | undefined;
}

export interface ParseContext {
  readonly parameters: TenantParameters;
  readonly access: Access;
  readonly terminology: Terminology;
  readonly now: Date;
  /** Parameters so far inside chains, `_has` and `_filter`: bounds the size of a statement. */
  readonly depth: number;
}

/** A parameter with its modifier and the values of one occurrence, which are alternatives. */
export interface Given {
  readonly parameter: Parameter;
  readonly modifier: string | undefined;
  /** Unsplit alternatives, still escaped. */
  readonly values: readonly string[];
  /** As written, for messages: `code:in`. */
  readonly text: string;
}

/** How the values of a parameter type are parsed, by modifier ('' is none). `missing` and chains are common to all. */
export type Modifiers = Readonly<Record<string, (given: Given, context: ParseContext) => Condition>>;
