/**
 * HL7 v2 results that come in the frames of ASTM (ORU^R01, OUL^R22) → records.
 *
 *   PID.3 → P.4   PID.5 → P.6   PID.7 → P.8   PID.8 → P.9   SPM.2, else OBR.3, OBR.2 → O.3   OBR.4 → O.5
 *   OBX.3 → R.3   OBX.5 → R.4   OBX.6 → R.5   OBX.7 → R.6   OBX.8 → R.7   OBX.11 → R.9   OBX.16 → R.11   OBX.14 → R.13
 *   NTE.3 → C.4
 */
import { escapeText, standardDelimiters } from '../record.ts';
import type { Broken } from './decoder.ts';

interface Segment {
  readonly name: string;
  /** Text of a component of a field, the first of both where it is not named. */
  at(field: number, component?: number): string;
}

export function recordsOfHl7(text: string): string | Broken {
  const lines = text.split(/[\r\n]+/).map((line) => line.replace(/^[\0\v\s]+/, ''));
  const from = lines.findIndex((line) => line.startsWith('MSH'));
  const header = lines[from];
  if (header === undefined) return { problem: 'The text holds no MSH.' };
  const segments = lines
    .slice(from)
    .filter((line) => /^[A-Z][A-Z0-9]{2}/.test(line))
    .map((line) => segmentOf(line, header));
  const specimens = segments.filter(({ name }) => name === 'SPM').map((one) => one.at(2) || one.at(2, 2));
  const records = segments.flatMap((segment) => recordOf(segment, specimens[0] ?? ''));
  return records.map((record) => `${record}\r`).join('');
}

function recordOf(segment: Segment, specimen: string): string[] {
  const { at } = segment;
  switch (segment.name) {
    case 'MSH':
      return [line('H', '\\^&', '', '', escaped(at(3)), '', '', '', '', '', '', at(11), 'LIS2-A2', at(7))];
    case 'PID':
      return [line('P', '1', '', escaped(at(3)), '', components(at(5), at(5, 2)), '', at(7), at(8))];
    case 'OBR':
      return [line('O', '1', escaped(specimen || at(3) || at(2)), '', code(at), '', '', at(7))];
    case 'OBX': {
      const [value, unit, range] = [at(5) || at(5, 2), at(6), at(7)].map(escaped);
      return [
        line('R', '1', code(at, 3), value, unit, range, escaped(at(8)), '', at(11), '', escaped(at(16)), '', at(14)),
      ];
    }
    case 'NTE':
      return [line('C', '1', 'I', escaped(at(3)), 'G')];
    default:
      return [];
  }
}

/** A common code keeps its system, others are the sender's own. */
function code(at: Segment['at'], field = 4): string {
  const [id, name, system] = [at(field), at(field, 2), at(field, 3)];
  return system === 'LN' ? components(id, name, system) : components('', '', '', id, name);
}

function segmentOf(text: string, header: string): Segment {
  const [separator = '|', component = '^', repeat = '~', escape = '\\', sub = '&'] = header.slice(3, 8);
  const fields = text.split(separator);
  const shift = text.startsWith('MSH') ? 1 : 0;
  const codes: Readonly<{ [code: string]: string }> = { F: separator, S: component, R: repeat, E: escape, T: sub };
  const unescaped = (one: string): string =>
    one
      .split(escape)
      .map((part, at) => (at % 2 === 0 ? part : (codes[part] ?? `${escape}${part}${escape}`)))
      .join('');
  return {
    name: fields[0] ?? '',
    at: (field, nth = 1) => unescaped(fields[field - shift]?.split(repeat)[0]?.split(component)[nth - 1] ?? '').trim(),
  };
}

function escaped(text: string): string {
  return escapeText(text, standardDelimiters);
}

function components(...parts: string[]): string {
  return parts.map(escaped).join('^').replace(/\^+$/, '');
}

function line(...fields: (string | undefined)[]): string {
  return fields.map((one) => one ?? '').join('|');
}
