/** What search criteria match, for conditional interactions and references. */
import { outcomeError } from '../fhir/outcome.ts';
import type { Context, Parameters } from '../request.ts';
import type { Stored } from '../store/read.ts';
import { parseSearch } from '../search/parse.ts';
import { isResultParameter } from '../search/result-parameters.ts';
import { findMatches as find } from '../store/search.ts';
import { accessOf } from './access.ts';
import { searchParametersOf } from './search-parameters.ts';

export interface Match {
  readonly id: string;
  readonly version: number;
  /** FHIR instant. */
  readonly lastUpdated: string;
  /** JSON text of the resource. */
  readonly text: string;
  readonly stored: Stored;
}

/**
 * At most `most` resources of the type that match.
 * @throws OutcomeError where a criterion is unknown, empty or no criterion at all: it would match more than was meant.
 */
export async function findMatches(
  context: Context,
  type: string,
  criteria: Parameters,
  most: number,
): Promise<Match[]> {
  const vain = criteria.find(([name, value]) => value === '' || isResultParameter(name));
  if (vain !== undefined) {
    throw outcomeError(
      'invalid',
      `"${vain[0].slice(0, 80)}" is no criterion with a value; a conditional interaction needs criteria.`,
      {
        status: 400,
      },
    );
  }
  const search = parseSearch(type, criteria, { parameters: searchParametersOf(context), access: accessOf(context) });
  const found = await find(context.session, search, most);
  return found.map((stored) => {
    const { id, version, lastUpdated, text } = stored;
    return { id, version, lastUpdated, text: text ?? '', stored };
  });
}
