/** The thread of dictionary.ts: loads the dictionary and tells the names of one version, nothing else of it. */
import { parentPort, workerData } from 'node:worker_threads';
import type { HL7FieldDefinition } from 'hl7v2-dictionary';
import { dictionaries } from 'hl7v2-dictionary';
import type { Described, Part } from './names.ts';

interface Definition {
  readonly desc?: string;
  readonly fields?: Record<string, HL7FieldDefinition>;
}

/** Of the fullest version, where another leaves segments out. */
const fallback = dictionaries['2.5.1'];
const chosen = dictionaries[workerData as keyof typeof dictionaries];

parentPort?.postMessage({
  segments: describedAll({ ...fallback?.segments, ...chosen?.segments }),
  types: describedAll({ ...fallback?.types, ...chosen?.types }),
});

function describedAll(definitions: Readonly<Record<string, Definition>>): Record<string, Described> {
  return Object.fromEntries(
    Object.entries(definitions).map(([name, { desc = name, fields = {} }]) => [
      name,
      { name: desc, parts: Object.fromEntries(Object.entries(fields).map(([at, field]) => [at, partOf(field)])) },
    ]),
  );
}

function partOf({ desc = '', type, table }: HL7FieldDefinition): Part {
  return { name: desc, type, ...(table !== undefined && { table }) };
}
