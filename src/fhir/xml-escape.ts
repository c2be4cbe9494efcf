/**
 * Text as XML. Line ends and tabs are written as references, since an XML parser would make them spaces in attributes.
 * https://www.w3.org/TR/xml/#AVNormalize
 */
import { outcomeError } from './outcome.ts';

const special = /[&<>"\t\n\r]/g;
const forbidden = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Surrogate}/u;

const references: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\t': '&#9;',
  '\n': '&#10;',
  '\r': '&#13;',
};

/** The content of an attribute in double quotes; 406 where the text has a character that XML cannot hold. */
export function escapeAttribute(text: string, expression?: string): string {
  const character = forbidden.exec(text);
  if (character) {
    const code = character[0].charCodeAt(0).toString(16).toUpperCase().padStart(4, '0');
    throw outcomeError('not-supported', `XML cannot hold the character U+${code}; ask for JSON.`, {
      status: 406,
      ...(expression !== undefined && { expression }),
    });
  }
  return text.replace(special, (found) => references[found] ?? found);
}

/** The content of an element. */
export function escapeText(text: string): string {
  return text.replace(/[&<>\r]/g, (found) => references[found] ?? found);
}
