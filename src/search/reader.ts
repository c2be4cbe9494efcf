/** Strict and lenient handling of what a search does not know. https://hl7.org/fhir/R4/search.html#errors */
import { OutcomeError } from '../fhir/outcome.ts';

/** Runs a piece of parsing; lenient handling turns its refusal into a note. */
export interface Reader {
  readonly read: <T>(name: string, value: string, parse: () => T) => T | undefined;
  readonly skipped: ReadonlySet<string>;
  readonly ignored: readonly string[];
}

export function makeReader(handling: 'strict' | 'lenient'): Reader {
  const skipped = new Set<string>();
  const ignored: string[] = [];
  const read = <T>(name: string, value: string, parse: () => T): T | undefined => {
    try {
      return parse();
    } catch (error) {
      // Only what the server does not know is ignored; a known parameter with a bad value stays an error.
      if (handling === 'strict' || !(error instanceof OutcomeError) || error.issues[0]?.code !== 'not-supported')
        throw error;
      skipped.add(`${name}=${value}`);
      ignored.push(error.message);
      return undefined;
    }
  };
  return { read, skipped, ignored };
}
