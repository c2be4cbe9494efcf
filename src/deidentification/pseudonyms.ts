/**
 * Pseudonyms and shifts of dates by the key of a project: the same in every export of it, others in every other project.
 * Pure. Without the key nobody can tell which pseudonym was whose, nor make the same again.
 */
import { createHmac } from 'node:crypto';

export interface Pseudonyms {
  idOf(type: string, id: string): string;
  /** Days that are added to every date of a patient: between a year and a day back. */
  daysOf(patient: string): number;
}

const year = 365;

export function pseudonymsBy(key: Buffer): Pseudonyms {
  const mac = (...parts: readonly string[]): Buffer => createHmac('sha256', key).update(parts.join('|')).digest();
  return {
    // 128 bits: two of a laboratory never meet.
    idOf: (type, id) => mac('id', type, id).toString('hex', 0, 16),
    daysOf: (patient) => -1 - (mac('days', patient).readUInt32BE() % year),
  };
}
