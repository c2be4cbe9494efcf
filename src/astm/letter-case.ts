/**
 * `(?i:…)` in a pattern of a driver, written out: each letter as a class of both. The engine of Node 24 was seen to miss what such
 * a group matches, now and then and then for as long as the process lived: POS and NEG of a result were not understood.
 */

/** The same pattern without the modifier. */
export function withBothCases(pattern: string): string {
  const groups: boolean[] = [];
  let [made, inClass] = ['', false];
  for (let at = 0; at < pattern.length;) {
    const rest = pattern.slice(at);
    const ignores = groups.at(-1) === true;
    const [escaped] = /^\\(?:u\{[\da-f]+\}|u[\da-f]{4}|x[\da-f]{2}|[\s\S])/i.exec(rest) ?? [];
    const [range, from = '', to = ''] = (inClass && /^([a-z\d])-([a-z\d])/i.exec(rest)) || [];
    const [one = ''] = rest;
    if (escaped !== undefined) made += escaped;
    else if (!inClass && rest.startsWith('(?i:')) {
      groups.push(true);
      made += '(?:';
    } else if (range !== undefined) made += ignores ? both(from, to) : range;
    else if (inClass || one !== '[') {
      if (!inClass && one === '(') groups.push(ignores);
      if (!inClass && one === ')') groups.pop();
      if (one === ']') inClass = false;
      made += ignores ? letter(one, inClass) : one;
    } else {
      inClass = true;
      made += one;
    }
    at += escaped?.length ?? (!inClass && rest.startsWith('(?i:') ? 4 : (range?.length ?? one.length));
  }
  return made;
}

function both(from: string, to: string): string {
  const [low, high] = [`${from.toLowerCase()}-${to.toLowerCase()}`, `${from.toUpperCase()}-${to.toUpperCase()}`];
  return low === high ? low : low + high;
}

function letter(one: string, inClass: boolean): string {
  const [low, high] = [one.toLowerCase(), one.toUpperCase()];
  if (low === high || low.length !== 1 || high.length !== 1) return one;
  return inClass ? low + high : `[${low}${high}]`;
}
