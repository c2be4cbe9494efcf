/**
 * The table of formats of an export: `_outputFormat` → what its files are. NDJSON has the resources themselves; an archive has
 * the messages that tell of them, and its `error` files name what the messages cannot say.
 */
import type { JsonObject } from '../../fhir/json.ts';
import type { Issue } from '../../fhir/outcome.ts';
import type { Context } from '../../request.ts';
import type { Times } from '../../store/export-rows.ts';
import type { Selecting } from '../selection.ts';

export type FormatName = 'ndjson' | 'hl7v2' | 'astm';

export interface Format {
  readonly mediaType: string;
  /** Of files that have it. */
  readonly extension: string;
  /** What `_outputFormat` may call it. */
  readonly names: readonly string[];
}

export const formats: Readonly<Record<FormatName, Format>> = {
  ndjson: {
    mediaType: 'application/fhir+ndjson',
    extension: 'ndjson',
    names: ['application/fhir+ndjson', 'application/ndjson', 'ndjson'],
  },
  hl7v2: { mediaType: 'application/hl7-v2', extension: 'hl7', names: ['application/hl7-v2', 'hl7-v2', 'hl7v2'] },
  astm: { mediaType: 'application/astm', extension: 'astm', names: ['application/astm', 'astm'] },
};

export function formatNamed(name: string): FormatName | undefined {
  const [found] = Object.entries(formats).find(([, { names }]) => names.includes(name)) ?? [];
  return found as FormatName | undefined;
}

/** What is put into messages. */
export interface Archiving {
  readonly context: Context;
  readonly selecting: Selecting;
  readonly times: Times;
}

/** A message, or why there is none, and what it does not say. */
export interface Made {
  readonly text?: string;
  /** Looked for only where somebody asks: that reads the message back. */
  readonly issues: () => readonly Issue[];
}

export interface Archive {
  /** As people call it. */
  readonly standard: string;
  /** Types that messages are made of, in the order of the files. */
  readonly roots: readonly string[];
  /** What stands before and after the messages of a file. */
  readonly begin: (archiving: Archiving) => string;
  readonly end: (count: number) => string;
  /** Of some resources of one of these types. */
  readonly make: (archiving: Archiving, type: string, found: readonly JsonObject[]) => Promise<Made[]>;
}

/** An issue of a resource that is not in the archive. */
export function leftOut({ resourceType, id }: JsonObject, reason: string): Issue {
  const diagnostics = `${String(resourceType)}/${String(id)} is not in the archive: ${reason}`;
  return { severity: 'error', code: 'incomplete', diagnostics };
}

/** Elements that are named in a sentence. */
const named = 10;
const mostExpressions = 100;

/** An issue of a resource of which elements are not said. */
export function partly({ resourceType, id }: JsonObject, standard: string, elements: readonly string[]): Issue {
  const others = elements.length > named ? ` and ${elements.length - named} more` : '';
  const names = elements.slice(0, named).join(', ') + others;
  const diagnostics = `${String(resourceType)}/${String(id)} is not representable in full: ${standard} does not say ${names}.`;
  return { severity: 'warning', code: 'incomplete', diagnostics, expression: elements.slice(0, mostExpressions) };
}
