/** Languages and digits that somebody asks for. */
import { outcomeError } from '../../../fhir/outcome.ts';
import type { Call } from '../../../interactions/call.ts';
import { chooseLanguage } from '../../../pages/texts/language.ts';
import { reportLanguages, type ReportLanguage } from '../../../reports/language.ts';
import { digitSets, type Digits } from '../../../reports/written.ts';
import type { Input } from '../../parameters.ts';
import { oneOf } from '../../request-input.ts';

/** How somebody wants it. */
export interface Wanted {
  readonly languages: readonly ReportLanguage[];
  readonly digits: Digits;
}

/** @throws OutcomeError `invalid` (400) */
export function wantedOf(input: Input, call: Call): Wanted {
  return { languages: languagesOf(input, call), digits: oneOf(input, 'digits', digitSets) ?? 'latn' };
}

function languagesOf(input: Input, { headers }: Call): ReportLanguage[] {
  const asked = input.texts('language').flatMap((one) => one.split(','));
  if (asked.length === 0) return [chooseLanguage({ acceptLanguage: headers['accept-language'] })];
  const found = languagesIn(asked);
  if (found !== undefined) return found;
  throw outcomeError(
    'invalid',
    `language is en, fr or ar, or two of them as in ar,en; not "${asked.join().slice(0, 40)}".`,
    { status: 400 },
  );
}

/** One language or two different ones that reports are written in. */
export function languagesIn(asked: readonly string[]): ReportLanguage[] | undefined {
  const found = asked.flatMap((one) => reportLanguages.find((language) => language === one.trim()) ?? []);
  const whole = found.length === asked.length && found.length > 0 && found.length <= 2;
  return whole && new Set(found).size === found.length ? found : undefined;
}
