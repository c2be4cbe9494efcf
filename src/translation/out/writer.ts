/**
 * Segments, fields and components as text with the standard delimiters. HL7 v2.5.1 §2.5, §2.7. What a function here gives is
 * encoded; only `text` takes what is not.
 */
import { escapeText } from '../../hl7v2/escape.ts';
import { standardDelimiters } from '../../hl7v2/message.ts';

const { field, component, repetition, subcomponent } = standardDelimiters;

/** A text of a resource as it stands in a message. */
export function text(value: string | undefined): string {
  return value === undefined ? '' : escapeText(value, standardDelimiters);
}

function joined(parts: readonly (string | undefined)[], separator: string): string {
  const last = parts.findLastIndex((part) => part !== undefined && part !== '');
  return parts
    .slice(0, last + 1)
    .map((part) => part ?? '')
    .join(separator);
}

/** Components of a field; those at the end that say nothing are left out. */
export function components(...parts: readonly (string | undefined)[]): string {
  return joined(parts, component);
}

export function subcomponents(...parts: readonly (string | undefined)[]): string {
  return joined(parts, subcomponent);
}

/** A field as a component: what separated its components separates subcomponents now. */
export function nested(encoded: string): string {
  return encoded.replaceAll(component, subcomponent);
}

/** Repetitions; what says nothing is left out. */
export function repetitions(parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join(repetition);
}

/** Fields by their numbers. MSH-1 is the separator itself, so that MSH-2 comes first after the name. */
export function segment(name: string, fields: Readonly<Record<number, string | undefined>>): string {
  const most = Math.max(0, ...Object.keys(fields).map(Number));
  const first = name === 'MSH' ? 2 : 1;
  const list = Array.from({ length: Math.max(0, most - first + 1) }, (_, i) => fields[i + first]);
  return joined([name, ...list], field);
}
