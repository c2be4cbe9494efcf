/**
 * How a driver names a decoder:
 *
 *   {"kind": "hl7v2"}
 *   {"kind": "table", "separator": ";", "columns": ["sample", "value"], …}      `columns` left out: the first line
 *   {"kind": "tagged", "separator": "|", "tagLength": 2, "strip": "[\\x1e]", …}
 *   {"kind": "lines", "each": ["^ID (?<id>.*)"], "row": "^(?<test>\\w+) (?<value>.*)", "ignored": "^-+$", …}
 *
 * and but for the first, templates: `head`, `row` (of a kind `lines`: `result`), `tail`, and `replace`.
 */
import { choice, DriverFault, list, optional, pattern, record, replacement, text, type Json } from '../json.ts';
import type { DecoderSettings, Format, Templates } from './decoder.ts';

const templates = ['head', 'result', 'tail', 'replace'];
const members = {
  table: ['separator', 'columns'],
  tagged: ['separator', 'tagLength', 'strip'],
  lines: ['each', 'row', 'ignored'],
} as const;

export function decoderOf(json: Json): DecoderSettings {
  const kind = choice(needed(record(json), json, 'kind'), ['table', 'tagged', 'lines', 'hl7v2']);
  if (kind === 'hl7v2') {
    record(json, ['kind']);
    return { kind };
  }
  const found = record(json, ['kind', ...members[kind], ...templates]);
  const of = (name: string): Json => needed(found, json, name);
  return { ...formatOf(kind, of, found), templates: templatesOf(of, found) };
}

function formatOf(kind: Format['kind'], of: (name: string) => Json, found: Readonly<Members>): Format {
  switch (kind) {
    case 'table':
      return { kind, separator: text(of('separator')), columns: optional(found['columns'], (one) => list(one, text)) };
    case 'tagged':
      return { kind, separator: text(of('separator')), tagLength: length(of('tagLength')), strip: global(of('strip')) };
    case 'lines':
      return {
        kind,
        each: list(of('each'), pattern),
        row: pattern(of('row')),
        ignored: optional(found['ignored'], pattern) ?? /^\s*$/,
      };
  }
}

type Members = ReturnType<typeof record>;

function templatesOf(of: (name: string) => Json, found: Readonly<Members>): Templates {
  const given = Object.entries(optional(found['replace'], (one) => record(one)) ?? {});
  const replace = given.map(([name, one]) => ({ name, ...replacement(one) }));
  return { head: list(of('head'), text), row: list(of('result'), text), tail: list(of('tail'), text), replace };
}

function needed(found: Readonly<Members>, { path }: Json, name: string): Json {
  return found[name] ?? { value: undefined, path: `${path}.${name}` };
}

function length({ value, path }: Json): number {
  if (!Number.isSafeInteger(value) || (value as number) < 1) throw new DriverFault(`${path} must be a whole number.`);
  return value as number;
}

function global(json: Json): RegExp {
  return new RegExp(pattern(json).source, 'gu');
}
