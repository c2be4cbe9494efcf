/**
 * uri: the whole URI as written; :below, all under it; :above, all that it is under, segment by segment of the path.
 * https://hl7.org/fhir/R4/search.html#uri
 */
import type { Condition, UriLeaf } from './ast.ts';
import type { Given, Modifiers } from './context.ts';
import { badValue, unescape } from './value.ts';

function matching(mode: UriLeaf['mode']) {
  return (given: Given): Condition => {
    const values = given.values.map((value) => {
      const uri = unescape(value);
      if (uri === '' || /\s/.test(uri)) throw badValue(given.text, value, 'a URI without spaces is needed.');
      if (mode !== 'equal' && /^urn:/i.test(uri)) {
        throw badValue(given.text, value, `:${mode} applies to URLs, not to URNs.`);
      }
      return uri;
    });
    return { kind: 'uri', mode, paths: given.parameter.paths, values };
  };
}

/** The URL and all that it is under: http://a/b/c, http://a/b, http://a, each also with the slash at its end. */
export function ancestors(url: string): string[] {
  const [, authority = ''] = /^([a-z][a-z0-9+.-]*:\/\/[^/]*)/i.exec(url) ?? [];
  const found: string[] = [];
  let rest = url;
  while (rest.length > authority.length && rest.includes('/')) {
    found.push(rest);
    if (!rest.endsWith('/')) found.push(`${rest}/`);
    rest = rest.replace(/\/?[^/]*\/?$/, '');
  }
  return authority === '' ? found : [...found, authority, `${authority}/`];
}

export const uriModifiers: Modifiers = {
  '': matching('equal'),
  above: matching('above'),
  below: matching('below'),
};
