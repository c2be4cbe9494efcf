/**
 * The query of a URL, or a form, as names and values. URLSearchParams puts U+FFFD where an escape is broken, and the search
 * would be for something that nobody asked for; here it is refused. https://url.spec.whatwg.org/#urlencoded-parsing
 */
import { outcomeError } from './outcome.ts';

/** @param what is named when it is refused: `The query of the URL`. @throws OutcomeError `invalid` (400) */
export function parseQuery(text: string, what: string): [string, string][] {
  if (text === '') {
    return [];
  }
  try {
    decodeURIComponent(text);
  } catch {
    throw outcomeError('invalid', `${what} is not properly percent-encoded UTF-8.`, { status: 400 });
  }
  return [...new URLSearchParams(text)];
}
