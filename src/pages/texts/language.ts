/**
 * The languages of the pages, and which one a visitor gets: what the app asked for (`ui_locales` of OpenID Connect), what
 * was chosen before (cookie), what the browser prefers (Accept-Language), English.
 */
import { ar } from './ar.ts';
import { en, type Texts } from './en.ts';
import { fr } from './fr.ts';

export type Language = 'en' | 'fr' | 'ar';

export const texts: Readonly<Record<Language, Texts>> = { en, fr, ar };
export const languages: readonly Texts[] = [en, fr, ar];

/** What a visitor says of languages; all of it may be anything. */
export interface Wishes {
  /** Language tags separated by spaces, the most wanted first. */
  readonly uiLocales?: string | undefined;
  readonly cookie?: string | undefined;
  readonly acceptLanguage?: string | undefined;
}

export function chooseLanguage({ uiLocales = '', cookie, acceptLanguage = '' }: Wishes): Language {
  const wished = [...uiLocales.slice(0, 200).split(' '), cookie ?? '', ...accepted(acceptLanguage.slice(0, 500))];
  return wished.map(languageOf).find((language) => language !== undefined) ?? 'en';
}

/** `fr-TN` is French. */
export function languageOf(tag: string): Language | undefined {
  const primary = tag.split('-')[0]?.toLowerCase();
  return primary !== undefined && Object.hasOwn(texts, primary) ? (primary as Language) : undefined;
}

/** RFC 9110, 12.5.4: tags by falling weight; weight 0 is a refusal. */
function accepted(header: string): string[] {
  return header
    .split(',')
    .map((part) => {
      const [tag = '', ...parameters] = part.trim().split(/\s*;\s*/);
      const weight = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2);
      return { tag, weight: weight === undefined ? 1 : Number(weight) };
    })
    .filter(({ weight }) => weight > 0)
    .sort((a, b) => b.weight - a.weight)
    .map(({ tag }) => tag);
}
