/**
 * Pools: one result for several specimens, which the analyzer names together (blood banks, screening). Pure.
 *
 * 1. What the driver calls negative stands for each specimen of the pool. All else only says that one of them has to be
 *    tested alone: it is preliminary (R.9 is P) for each.
 * 2. A comment says of each result that it was measured in a pool.
 */
import { placeOf, rawAt, withFields, withRaw, type Place } from './place.ts';
import type { Record } from './record.ts';

export interface Pool {
  /** Between the numbers of specimens, in O.3 or O.4. */
  readonly separator: string;
  /** Values, in capitals. */
  readonly negative: readonly string[];
}

/** Where the specimen is named: O.3, else O.4. */
const named = ['3.1', '4.1'].map((one) => placeOf(one)) as Place[];
const value: Place = { field: 4, component: undefined };
const status: Place = { field: 9, component: undefined };

export function unpooled(records: readonly Record[], pool: Pool): Record[] {
  return groupsOf(records).flatMap((group) => {
    const [order] = group;
    const place = order?.type === 'O' ? named.find((one) => rawAt(order, one).trim() !== '') : undefined;
    if (order === undefined || place === undefined) return group;
    const members = rawAt(order, place)
      .split(pool.separator)
      .map((one) => one.trim());
    const specimens = members.filter((one) => one !== '');
    if (specimens.length < 2) return group;
    return specimens.flatMap((specimen) => [
      withRaw(order, place, specimen),
      ...group.slice(1).flatMap((record) => measured(record, specimens, pool)),
    ]);
  });
}

/** An order with what belongs to it; each other record by itself. */
function groupsOf(records: readonly Record[]): Record[][] {
  const groups: Record[][] = [];
  for (const record of records) {
    const open = groups.at(-1);
    if (open?.[0]?.type === 'O' && !'HPOQLS'.includes(record.type)) open.push(record);
    else groups.push([record]);
  }
  return groups;
}

function measured(record: Record, specimens: readonly string[], { negative }: Pool): Record[] {
  if (record.type !== 'R') return [record];
  const isNegative = negative.includes(rawAt(record, value).trim().toUpperCase());
  const comment = `Measured in a pool of ${specimens.length} specimens: ${specimens.join(', ')}`;
  return [isNegative ? record : withRaw(record, status, 'P'), withFields(record, ['C', '1', 'I', comment, 'G'])];
}
