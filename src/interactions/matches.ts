/** What search criteria match, for conditional interactions and references. */
import { outcomeError } from '../fhir/outcome.ts';
import { typeName } from '../fhir/resource-types.ts';
import type { Context, Parameters } from '../request.ts';
import type { Stored } from '../store/read.ts';
import { parseSearch } from '../search/parse.ts';
import { isResultParameter } from '../search/result-parameters.ts';
import { findMatches as find } from '../store/search.ts';
import { visibleRids } from '../store/visible.ts';
import { accessOf, plainAccessOf } from './access.ts';
import { openedAll } from './binary-sealed.ts';
import { isBound, showing } from './processing-restriction.ts';
import { searchParametersOf } from './search-parameters.ts';

export interface Match {
  readonly id: string;
  readonly version: number;
  /** FHIR instant. */
  readonly lastUpdated: string;
  /** JSON text of the resource. */
  readonly text: string;
  readonly stored: Stored;
  /** Found to be updated or referred to by a caller who may not read it. */
  readonly hidden?: boolean;
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
  const found = await openedAll(context, await find(context.session, search, most));
  const hidden = await hiddenAmong(context, found);
  return found.map((stored) => {
    const { id, version, lastUpdated, text } = stored;
    return { id, version, lastUpdated, text: text ?? '', stored, hidden: hidden.has(stored) };
  });
}

/** What was found in spite of a restriction of processing. */
async function hiddenAmong(context: Context, found: readonly Stored[]): Promise<ReadonlySet<Stored>> {
  const reader = showing(context);
  const suspect = found.filter(
    ({ type }) => isBound(reader, typeName(type), 'r') && !isBound(context, typeName(type), 'r'),
  );
  const visible = await visibleRids(context.session, suspect, plainAccessOf(reader, 'r'));
  return new Set(suspect.filter(({ rid }) => !visible.has(rid)));
}
