/** Annotations and conclusions → NTE. HL7 v2.5.1 §2.15.10. */
import { list, string } from './source.ts';
import { segment, text } from './writer.ts';

export function noteSegments(notes: unknown): string[] {
  const words = list(notes)
    .map((note) => (typeof note === 'string' ? note : string(note['text'])))
    .filter((one) => one !== '');
  return words.map((one, i) => segment('NTE', { 1: String(i + 1), 2: 'L', 3: text(one) }));
}
