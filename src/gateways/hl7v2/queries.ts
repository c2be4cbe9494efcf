/** The table of queries: MSH-9 → what answers it (query.ts). What is not here is translated (src/translation/messages.ts). */
import type { Known } from './applied.ts';
import { workOrderSteps } from './law/ask.ts';
import { candidates, crossReferences, personByIdentifier } from './patient-queries.ts';
import type { Query } from './query.ts';

const queries: Readonly<Record<string, Query>> = {
  'QBP^Q11': workOrderSteps,
  'QBP^Q21': personByIdentifier,
  'QBP^Q22': candidates,
  'QBP^Q23': crossReferences,
};

export function queryOf({ header: { code, event } }: Pick<Known, 'header'>): Query | undefined {
  return queries[`${code}^${event}`];
}
