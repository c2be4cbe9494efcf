/** Languages: which one a visitor gets, that all say the same things, and what scopes are called in each. */
import { describe, expect, test } from '@jest/globals';
import { durationText } from '../../src/pages/moment.ts';
import { scopeWords } from '../../src/pages/scope-words.ts';
import { chooseLanguage, texts, type Wishes } from '../../src/pages/texts/language.ts';

describe('the language of a page', () => {
  test.each<[string, Wishes, string]>([
    ['nothing known', {}, 'en'],
    ['the browser prefers', { acceptLanguage: 'ar-TN,fr;q=0.9,en;q=0.8' }, 'ar'],
    ['weights decide, not the order', { acceptLanguage: 'en;q=0.2, fr;q=0.7' }, 'fr'],
    ['unknown languages are passed over', { acceptLanguage: 'de-DE,pt;q=0.9,fr-CI;q=0.3' }, 'fr'],
    ['weight 0 is a refusal', { acceptLanguage: 'ar;q=0' }, 'en'],
    ['a cookie beats the browser', { cookie: 'ar', acceptLanguage: 'fr' }, 'ar'],
    ['the app beats the cookie', { uiLocales: 'de fr-CA', cookie: 'ar' }, 'fr'],
    ['names of Object are no languages', { uiLocales: 'constructor __proto__', cookie: 'toString' }, 'en'],
    ['nonsense', { acceptLanguage: ';;;q=x,,\0*', cookie: '<script>' }, 'en'],
  ])('%s', (_, wishes, expected) => {
    expect(chooseLanguage(wishes)).toBe(expected);
  });
});

/** Every sentence of a language, by the path of its key. */
function sentences(part: object, path = ''): [string, string][] {
  return Object.entries(part).flatMap(([key, value]: [string, unknown]) => {
    const here = `${path}/${key}`;
    if (typeof value === 'string') return [[here, value] as [string, string]];
    if (typeof value === 'function') {
      const said = (value as (...given: string[]) => string)('ONE', 'TWO');
      return [[here, said] as [string, string]];
    }
    return sentences(value as object, here);
  });
}

describe('the three languages', () => {
  const english = new Map(sentences(texts.en));

  test.each(['fr', 'ar'] as const)('%s has every sentence, and none was left in English', (language) => {
    const own = sentences(texts[language]);
    expect(own.map(([key]) => key).sort()).toEqual([...english.keys()].sort());
    const shared = own.filter(([key, said]) => said.length > 14 && said === english.get(key));
    expect(shared).toEqual([]);
  });

  test.each(['fr', 'ar'] as const)('%s uses every value that the English sentence uses', (language) => {
    const values = (said: string): string => ['ONE', 'TWO'].filter((value) => said.includes(value)).join();
    const lost = sentences(texts[language]).filter(([key, said]) => values(said) !== values(english.get(key) ?? ''));
    expect(lost).toEqual([]);
  });

  test('French has a no-break space before high punctuation', () => {
    expect(sentences(texts.fr).filter(([, said]) => / [:;?!»]|« /.test(said))).toEqual([]);
  });

  test('Arabic is written in Arabic letters', () => {
    const foreign = sentences(texts.ar).filter(
      ([key, said]) => !/[\u0600-\u06ff]/.test(said) && !/^\/(language|direction|locale|scopes\/permission)$/.test(key),
    );
    expect(foreign).toEqual([]);
  });
});

describe('scopes in words', () => {
  const category = 'category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory';
  test.each<[keyof typeof texts, string, boolean, object]>([
    ['en', `patient/Observation.rs?${category}`, true, { label: 'Read your laboratory results' }],
    ['fr', `patient/Observation.rs?${category}`, true, { label: 'Lire vos résultats de laboratoire' }],
    ['ar', `patient/Observation.rs?${category}`, true, { label: 'قراءة نتائج المختبر الخاصة بك' }],
    [
      'en',
      'patient/Observation.rs',
      false,
      { label: 'Read results and measurements', detail: 'Only for the chosen patient' },
    ],
    [
      'en',
      'user/ServiceRequest.cruds',
      false,
      { label: 'Read, add, change and delete orders', detail: 'For everyone whose records you may see' },
    ],
    [
      'fr',
      'user/ServiceRequest.cu',
      false,
      {
        label: 'Ajouter et modifier les demandes d’analyses',
        detail: 'Pour toutes les personnes dont vous pouvez consulter le dossier',
      },
    ],
    ['en', 'patient/*.read', true, { label: 'Read your records of every kind' }],
    ['en', 'patient/Basic.s', true, { label: 'Read your records of the type Basic' }],
    [
      'en',
      'patient/Observation.rs?code=1234-5&status=final',
      true,
      { label: 'Read your results and measurements', where: 'code=1234-5 & status=final' },
    ],
    [
      'en',
      'patient/Observation.rs?category=laboratory&code=1',
      true,
      { label: 'Read your results and measurements', where: 'category=laboratory & code=1' },
    ],
    ['en', 'offline_access', true, { label: 'Keep this access while you are away' }],
    ['en', 'something/else', true, { label: 'Use: something/else' }],
    ['en', 'patient/Nothing.rs', true, { label: 'Use: patient/Nothing.rs' }],
    ['en', 'constructor', true, { label: 'Use: constructor' }],
  ])('%s %s (self %j)', (language, scope, self, expected) => {
    expect(scopeWords(texts[language], scope, self)).toEqual(expected);
  });
});

test.each<[keyof typeof texts, number, string]>([
  ['en', 0, '1 second'],
  ['en', 45, '45 seconds'],
  ['en', 3600, '60 minutes'],
  ['fr', 7200, '2 heures'],
  ['ar', 300, '5 دقائق'],
  ['en', 30 * 86_400, '30 days'],
])('durations: %s %d s', (language, seconds, expected) => {
  expect(durationText(texts[language], seconds).replaceAll('\u00a0', ' ')).toBe(expected);
});
