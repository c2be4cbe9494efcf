/** What stands in a file that an option names. */
import { readFileSync } from 'node:fs';
import { outcomeError } from '../fhir/outcome.ts';

/** Undefined where none is named; @throws OutcomeError where it cannot be read */
export function contentOf(file: string | undefined): string | undefined {
  if (file === undefined) return undefined;
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? 'unknown';
    throw outcomeError('invalid', `The file ${file} cannot be read (${reason}).`);
  }
}
