/** `_query`: a search by its name becomes its criteria. https://hl7.org/fhir/R4/search.html#query */
import { outcomeError } from '../fhir/outcome.ts';
import { criteriaOf, worklistsOf } from '../laboratory/worklists.ts';
import type { Parameters } from '../request.ts';

/** @throws OutcomeError `not-supported` (400) for another name, or two of them. */
export function withNamedQuery(type: string | undefined, query: Parameters): Parameters {
  const names = query.filter(([name]) => name === '_query');
  if (names.length === 0) return query;
  const own = worklistsOf(type);
  const found = own.find(({ name }) => names.length === 1 && name === names[0]?.[1]);
  if (found !== undefined) {
    return query.flatMap((one) => (one[0] === '_query' ? [...criteriaOf(found, new Date())] : [one]));
  }
  const known = own.map(({ name }) => name).join(', ');
  throw outcomeError(
    'not-supported',
    `"_query" takes one name of a query of ${type ?? 'a type'}: ${known === '' ? 'there is none' : known}.`,
    { status: 400, expression: 'http._query' },
  );
}
