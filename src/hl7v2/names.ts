/** What the standard calls segments, fields and components, by version (dictionary.ts). */
export interface Part {
  readonly name: string;
  /** Data type, as in `CX`. */
  readonly type: string;
  /** Number of its table. */
  readonly table?: number;
}

export interface Described {
  readonly name: string;
  /** By number, from 1. */
  readonly parts: Readonly<Record<string, Part>>;
}

export interface Names {
  readonly segments: Readonly<Record<string, Described>>;
  readonly types: Readonly<Record<string, Described>>;
}

export function partOf(described: Described | undefined, number: number): Part | undefined {
  return described?.parts[String(number)];
}

/** What a group of names has of its own; nothing of Object. */
export function described(group: Names['segments'], name: string): Described | undefined {
  return Object.hasOwn(group, name) ? group[name] : undefined;
}
