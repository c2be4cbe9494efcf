/** Options that several commands have, and how what is written in them is read. */
import { InvalidArgumentError, Option } from 'commander';

export function json(): Option {
  return new Option('--json', 'for machines');
}

export function positive(written: string): number {
  if (/^[1-9]\d{0,5}$/.test(written)) return Number(written);
  throw new InvalidArgumentError('It must be a whole number above 0.');
}

export function collect(written: string, before: string[] | undefined): string[] {
  return [...(before ?? []), written];
}
