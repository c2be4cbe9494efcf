/** The languages of reports: one, or two beside each other, of which the first decides the direction. */
import { ar } from './words/ar.ts';
import { en, type Words } from './words/en.ts';
import { fr } from './words/fr.ts';

export const reportLanguages = ['en', 'fr', 'ar'] as const;

export type ReportLanguage = (typeof reportLanguages)[number];

export const words: Readonly<Record<ReportLanguage, Words>> = { en, fr, ar };

/** The same in each language of a report. */
export type Told = readonly string[];

/** Once where languages say the same. */
export function told(languages: readonly Words[], say: (of: Words) => string | undefined): Told {
  return [...new Set(languages.flatMap((one) => say(one) ?? []).filter((text) => text !== ''))];
}
