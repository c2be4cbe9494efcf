/** The table of queries: MSH-9 → what answers it (query.ts). What is not here is translated (src/translation/messages.ts). */
import type { Known } from './applied.ts';
import { workOrderSteps } from './law/ask.ts';
import type { Query } from './query.ts';

const queries: Readonly<Record<string, Query>> = {
  'QBP^Q11': workOrderSteps,
};

export function queryOf({ header: { code, event } }: Pick<Known, 'header'>): Query | undefined {
  return queries[`${code}^${event}`];
}
