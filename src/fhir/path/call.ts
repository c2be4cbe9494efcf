/**
 * The form of a FHIRPath function: how many arguments it takes, on what they are evaluated, and how it is compiled.
 *
 * `arguments`: 'values' are evaluated on the focus of the surrounding expression; 'each' on each item of the source in
 * turn; 'source' on the source as a whole (iif); 'type' is the name of a type.
 */
import type { Piece } from './piece.ts';

export interface Settings {
  /** The expression is one of the published definitions: its regular expressions and type names are taken on trust. */
  trusted: boolean;
  /**
   * The expression is a rule that an element keeps or breaks. What the element does not have cannot break it: an order
   * that is unknown (per-1: a period from 2012-02-03T10:00 to 2012-02-03) counts as kept, an absent text matches every
   * pattern (lib-0) and does not start with, end with or contain anything (ref-1: `reference.startsWith('#').not()`).
   */
  rule: boolean;
}

export interface Call {
  name: string;
  source: Piece;
  arguments: readonly Piece[];
  /** The name of the type, where `arguments` is 'type'. */
  type: string;
  dependence: number;
  settings: Settings;
}

export interface PathFunction {
  minimum: number;
  maximum: number;
  arguments: 'values' | 'each' | 'source' | 'type';
  compile: (call: Call) => Piece;
}

export type Functions = Readonly<Record<string, PathFunction>>;

/** A function without arguments. */
export function plain(compile: (call: Call) => Piece): PathFunction {
  return { minimum: 0, maximum: 0, arguments: 'values', compile };
}

export function withValues(minimum: number, maximum: number, compile: (call: Call) => Piece): PathFunction {
  return { minimum, maximum, arguments: 'values', compile };
}

export function withEach(minimum: number, maximum: number, compile: (call: Call) => Piece): PathFunction {
  return { minimum, maximum, arguments: 'each', compile };
}

export function withType(compile: (call: Call) => Piece): PathFunction {
  return { minimum: 1, maximum: 1, arguments: 'type', compile };
}
