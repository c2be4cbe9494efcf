/**
 * Conditional interactions: the resource is named by search criteria.
 *
 * Racing requests with the same criteria queue behind a lock, so that 50 conditional creates on one identifier make
 * one resource. https://hl7.org/fhir/R4/http.html#cond-update
 */
import { outcomeError } from '../fhir/outcome.ts';
import { parseQuery } from '../fhir/query.ts';
import type { Context, Parameters } from '../request.ts';
import { lockCriteria } from '../store/lock.ts';
import { may } from './access.ts';
import { criteriaOf } from './headers.ts';
import { findMatches, type Match } from './matches.ts';

/** `identifier=x&active=true` as parameters, also after `Type?`. @throws OutcomeError where that is another type. */
export function parseCriteria(type: string, text: string): Parameters {
  const [, named = ''] = /^([A-Za-z]*)\?/.exec(text) ?? [];
  if (named !== '' && named !== type) {
    throw outcomeError('invalid', `The criteria are for ${named.slice(0, 60)}; they must be for ${type}.`, {
      status: 400,
    });
  }
  return parseQuery(text.replace(/^[A-Za-z]*\?/, ''), 'The criteria');
}

/** Criteria in one order, as the text to lock on. */
export function criteriaText(type: string, criteria: Parameters): string {
  return `${type}?${criteria
    .map(([name, value]) => `${name}=${value}`)
    .sort()
    .join('&')}`;
}

/**
 * Locks the criteria and finds what they match, at most `most` resources.
 * @throws OutcomeError where there are no criteria, which would match everything, or where the caller may not search:
 * for them nothing would match, and a create that must not repeat would repeat.
 */
export async function lockAndFind(context: Context, type: string, query: Parameters, most = 2): Promise<Match[]> {
  const criteria = criteriaOf(query);
  if (criteria.length === 0) {
    throw outcomeError('required', `A conditional interaction on ${type} needs search criteria.`, { status: 412 });
  }
  if (!may(context, 's', type)) {
    throw outcomeError(
      'forbidden',
      `A conditional interaction searches first, and your scopes do not allow search on ${type}: that needs a scope such as system/${type}.s.`,
    );
  }
  await lockCriteria(context.session, [criteriaText(type, criteria)]);
  return findMatches(context, type, criteria, most);
}

/** The one match, or none. @throws OutcomeError `multiple-matches` (412). */
export function atMostOne(type: string, matches: readonly Match[]): Match | undefined {
  if (matches.length > 1) {
    throw outcomeError('multiple-matches', `The criteria match more than one ${type}; they must match at most one.`);
  }
  return matches[0];
}
