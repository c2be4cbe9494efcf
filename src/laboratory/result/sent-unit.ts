/**
 * Units as analyzers write them → UCUM. https://ucum.org/ucum
 *
 * Only what cannot mean anything else is rewritten: powers of ten, the micro sign, international units, thousands and
 * millions of cells. A unit that is then still none of UCUM's is refused where the result is checked, not guessed.
 */
const superscripts = '⁰¹²³⁴⁵⁶⁷⁸⁹';

export function ucumOf(sent: string): string {
  return sent
    .trim()
    .replaceAll(/[µμ]/g, 'u')
    .replace(/^[x×]?\s*10([⁰¹²³⁴⁵⁶⁷⁸⁹]{1,2})(?=\/)/i, (_, power: string) => `10*${[...power].map(plain).join('')}`)
    .replace(/^[x×]?\s*10[\^*e](\d{1,2})(?=\/)/i, '10*$1')
    .replace(/^([um]?)IU(?=\/|$)/, '$1[IU]')
    .replace(/^K(?=\/uL$)/, '10*3')
    .replace(/^M(?=\/uL$)/, '10*6');
}

function plain(superscript: string): string {
  return String(superscripts.indexOf(superscript));
}
