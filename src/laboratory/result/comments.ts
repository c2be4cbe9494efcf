/**
 * Comments on results by their codes: concepts of CodeSystems, the display in English, designations in other languages. A
 * laboratory's own CodeSystem goes before the starter catalogue's, code by code.
 *
 * In a result the comment is an Annotation: its text in English, translations in the standard extension, its code in ours.
 */
import type { JsonObject } from '../../fhir/json.ts';
import { outcomeError } from '../../fhir/outcome.ts';
import { extensionUrl, objects, text, translationExtension } from '../terms.ts';

export const commentsUrl = 'urn:makhbar:codesystem:result-comments';
export const ownCommentsUrl = 'urn:makhbar:codesystem:own-result-comments';

/** @throws OutcomeError `business-rule` (422) for a code that none of them has. */
export function codedComment(systems: readonly JsonObject[], code: string): JsonObject {
  const sorted = systems.toSorted((a, b) => Number(a['url'] === commentsUrl) - Number(b['url'] === commentsUrl));
  for (const system of sorted) {
    const concept = objects(system['concept']).find((one) => one['code'] === code);
    if (concept !== undefined) return annotation(String(system['url']), concept);
  }
  const known = sorted.flatMap((one) => objects(one['concept']).flatMap((concept) => text(concept['code']) ?? []));
  throw outcomeError(
    'business-rule',
    `There is no comment "${code.slice(0, 60)}"; there are ${[...new Set(known)].slice(0, 40).join(', ') || 'none'}.`,
  );
}

function annotation(system: string, concept: JsonObject): JsonObject {
  const [code, display] = [text(concept['code']) ?? '', text(concept['display']) ?? text(concept['code']) ?? ''];
  const translations = objects(concept['designation']).flatMap(({ language, value }) =>
    text(language) === undefined || text(value) === undefined
      ? []
      : [
          {
            url: translationExtension,
            extension: [
              { url: 'lang', valueCode: text(language)! },
              { url: 'content', valueString: text(value)! },
            ],
          },
        ],
  );
  return {
    extension: [{ url: extensionUrl('comment-code'), valueCoding: { system, code, display } }],
    text: display,
    ...(translations.length > 0 && { _text: { extension: translations } }),
  };
}
