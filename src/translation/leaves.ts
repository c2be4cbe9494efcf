/**
 * The leaves of a message: what stands between two delimiters, with its place, and the message with another text in that
 * place. Pure.
 */
import { fieldsOf, type Message, type Segment } from '../hl7v2/message.ts';

/** Numbers as the standard counts, from 1; `segment` is the index, from 0. */
export interface Leaf {
  readonly segment: number;
  readonly field: number;
  readonly repetition: number;
  readonly component: number;
  readonly subcomponent: number;
  readonly text: string;
  /** Its field has components, its component has parts. */
  readonly composed: boolean;
  readonly divided: boolean;
}

/** Those that say something, up to `most` and those of the segment in which that is reached. */
export function leavesOf(message: Message, most: number): Leaf[] {
  const leaves: Leaf[] = [];
  for (const [index, segment] of message.segments.entries()) {
    if (leaves.length >= most) break;
    if (segment.name !== '') leaves.push(...leavesOfSegment(message, segment, index).slice(0, most));
  }
  return leaves;
}

function isHeader({ name }: Segment): boolean {
  return /^(?:MSH|FHS|BHS)$/.test(name);
}

function leavesOfSegment({ delimiters }: Message, segment: Segment, index: number): Leaf[] {
  const leaves: Leaf[] = [];
  fieldsOf(delimiters, segment).forEach((raw, field) => {
    if (field === 0 || raw === '' || (isHeader(segment) && field <= 2)) return;
    raw.split(delimiters.repetition).forEach((repetition, r) => {
      const components = repetition.split(delimiters.component);
      components.forEach((component, c) => {
        const parts = component.split(delimiters.subcomponent);
        parts.forEach((text, s) => {
          if (text === '') return;
          const numbers = { segment: index, field, repetition: r + 1, component: c + 1, subcomponent: s + 1 };
          leaves.push({ ...numbers, text, composed: components.length > 1, divided: parts.length > 1 });
        });
      });
    });
  });
  return leaves;
}

/** The message with another text in the place of a leaf; nothing is told of its fields being read. */
export function withText({ delimiters, segments }: Message, leaf: Leaf, text: string): Message {
  const changed = segments[leaf.segment];
  if (changed === undefined) return { delimiters, segments };
  const { field, repetition, component, subcomponent } = delimiters;
  const parts = changed.text.split(field);
  // MSH-1 is the delimiter itself.
  const at = isHeader(changed) ? leaf.field - 1 : leaf.field;
  parts[at] = replaced(parts[at] ?? '', repetition, leaf.repetition, (one) =>
    replaced(one, component, leaf.component, (inner) => replaced(inner, subcomponent, leaf.subcomponent, () => text)),
  );
  return { delimiters, segments: segments.with(leaf.segment, { ...changed, text: parts.join(field) }) };
}

function replaced(whole: string, delimiter: string, number: number, by: (part: string) => string): string {
  const parts = whole.split(delimiter);
  parts[number - 1] = by(parts[number - 1] ?? '');
  return parts.join(delimiter);
}
