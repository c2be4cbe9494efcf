/**
 * What can be said of a code by its form alone, for code systems whose codes are not listed here.
 */

/** https://www.rfc-editor.org/rfc/rfc5646#section-2.1, without the grandfathered tags but i-… and x-… */
const language =
  /^(?:[a-z]{2,3}(?:-[a-z]{3}){0,3}|[a-z]{4,8})(?:-[a-z]{4})?(?:-(?:[a-z]{2}|[0-9]{3}))?(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*(?:-[0-9a-wy-z](?:-[a-z0-9]{2,8})+)*(?:-x(?:-[a-z0-9]{1,8})+)?$/i;
const otherLanguage = /^(?:x|i)(?:-[a-z0-9]{1,8})+$/i;

/** https://www.rfc-editor.org/rfc/rfc6838#section-4.2; parameters are taken as they come, since many are written loosely. */
const mediaType = /^[a-z0-9][a-z0-9!#$&^_.+-]{0,126}\/[a-z0-9*][a-z0-9!#$&^_.+-]{0,126}(?: ?;.*[^; ].*)?$/is;

/** Allowed beside media types where formats of resources are meant: https://hl7.org/fhir/R4/http.html#mime-type */
const formats: ReadonlySet<string> = new Set(['json', 'xml', 'ttl', 'none']);

let currencies: ReadonlySet<string> | undefined;

/** Codes in use are known; another code of three letters may be an old or a new one. */
function currency(code: string): boolean | 'unknown' {
  currencies ??= new Set(Intl.supportedValuesOf('currency'));
  if (currencies.has(code)) return true;
  return /^[A-Z]{3}$/.test(code) ? 'unknown' : false;
}

const byForm = (pattern: RegExp) => (code: string) => (pattern.test(code) ? 'unknown' : false);

const forms: Readonly<Record<string, (code: string) => boolean | 'unknown'>> = {
  'urn:ietf:bcp:47': (code) => language.test(code) || otherLanguage.test(code),
  'urn:ietf:bcp:13': (code) => mediaType.test(code) || formats.has(code),
  'urn:iso:std:iso:4217': currency,
  'urn:iso:std:iso:3166': byForm(/^(?:[A-Z]{2,3}|[0-9]{3})$/),
  // UCUM codes are printable ASCII without blanks: https://ucum.org/ucum#section-Character-Set-and-Lexical-Rules
  'http://unitsofmeasure.org': byForm(/^[\u0021-\u007E]+$/),
  'http://snomed.info/sct': byForm(/^[^\s].*$/s),
};

/** Whether a code belongs to a system whose codes are not listed here. */
export function codeByForm(system: string, code: string): boolean | 'unknown' {
  return Object.hasOwn(forms, system) ? forms[system]!(code) : 'unknown';
}
