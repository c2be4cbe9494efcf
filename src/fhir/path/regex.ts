/**
 * Regular expressions of FHIRPath (`matches`, `replaceMatches`), kept from running away.
 *
 * Decision: those of the published definitions are run as they are. Those of clients, and those put together from data,
 * run under a time limit, which V8 can enforce inside a regular expression only through a `vm` context (30 µs a call);
 * judging patterns by their form instead would refuse harmless ones and miss polynomial ones. A text is cut off at a
 * length, as time grows with it.
 */
import { createContext, Script } from 'node:vm';
import { outcomeError } from '../outcome.ts';

const timeLimit = 50;
const maximumPattern = 2_000;
const maximumText = 100_000;
const maximumSubstitution = 1_000;
const maximumKept = 200;

const kept = new Map<string, RegExp>();

/** Unicode and "single line" mode as FHIRPath asks; some published patterns have escapes that Unicode mode refuses. */
function compile(pattern: string, whole: boolean): RegExp {
  const source = whole ? `^(?:${pattern})$` : pattern;
  for (const flags of ['gsu', 'gs']) {
    try {
      return new RegExp(source, flags);
    } catch {
      continue;
    }
  }
  throw outcomeError('invalid', `The FHIRPath expression has an invalid regular expression: ${pattern.slice(0, 80)}`);
}

function regexOf(pattern: string, whole: boolean): RegExp {
  const key = `${whole}${pattern}`;
  let regex = kept.get(key);
  if (!regex) {
    regex = compile(pattern, whole);
    if (kept.size >= maximumKept) {
      kept.clear();
    }
    kept.set(key, regex);
  }
  regex.lastIndex = 0;
  return regex;
}

interface Box {
  run: (() => unknown) | undefined;
}

const box = createContext({ run: undefined } satisfies Box as Box) as Box;
const script = new Script('run()');

function limited<T>(run: () => T): T {
  box.run = run;
  try {
    return script.runInContext(box, { timeout: timeLimit }) as T;
  } catch (error) {
    if ((error as { code?: string }).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') {
      throw outcomeError('too-costly', 'A regular expression of the FHIRPath expression takes too long on this text.');
    }
    throw error;
  } finally {
    box.run = undefined;
  }
}

export interface Matcher {
  test(text: string, pattern: string): boolean;
  replace(text: string, pattern: string, substitution: string): string;
}

function checkLengths(text: string, pattern: string): void {
  if (text.length > maximumText || pattern.length > maximumPattern) {
    throw outcomeError(
      'too-costly',
      `FHIRPath matches texts of up to ${maximumText} with patterns of up to ${maximumPattern} characters.`,
    );
  }
}

export function matcherOf(trusted: boolean, whole: boolean): Matcher {
  const guard = trusted ? <T>(run: () => T): T => run() : limited;
  return {
    test(text, pattern) {
      checkLengths(text, pattern);
      const regex = regexOf(pattern, whole);
      return guard(() => regex.test(text));
    },
    replace(text, pattern, substitution) {
      checkLengths(text, pattern);
      if (substitution.length > maximumSubstitution) {
        throw outcomeError('too-costly', `FHIRPath replaces matches by up to ${maximumSubstitution} characters.`);
      }
      const regex = regexOf(pattern, whole);
      // FHIRPath leaves the form of group references open; `$1` is what its examples use.
      return guard(() => text.replace(regex, substitution));
    },
  };
}
