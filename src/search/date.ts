/** date: an interval with a prefix. https://hl7.org/fhir/R4/search.html#date */
import type { Condition, DateValue } from './ast.ts';
import type { Given, Modifiers, ParseContext } from './context.ts';
import { dateInterval, type Interval } from './interval.ts';
import { badValue, prefixOf, unescape } from './value.ts';

/** A plus sign in an unencoded query arrives as a space. */
function repaired(text: string): string {
  return text.replace(/ (?=\d\d:\d\d$)/, '+');
}

export function dateValue(name: string, value: string, context: ParseContext): DateValue {
  const [prefix, text] = prefixOf(unescape(value));
  const interval = dateInterval(repaired(text), context.parameters.zone);
  if (interval === undefined) {
    throw badValue(
      name,
      value,
      'a date is [prefix]YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm[:ss[.SSS]] with an optional zone.',
    );
  }
  return prefix === 'ap' ? { prefix, interval: approximate(interval, context.now.getTime()) } : { prefix, interval };
}

/** `ap` widens by a tenth of the time between the date and now, as R4 suggests. */
function approximate({ low, high }: Interval, now: number): Interval {
  const distance = low > now ? low - now : high < now ? now - high : 0;
  const margin = Math.round(distance / 10);
  return { low: low - margin, high: high + margin };
}

function equal(given: Given, context: ParseContext): Condition {
  const values = given.values.map((value) => dateValue(given.text, value, context));
  return { kind: 'date', paths: given.parameter.paths, values };
}

export const dateModifiers: Modifiers = { '': equal };
