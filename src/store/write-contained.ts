/**
 * The rows of contained resources, as CTEs of the statement that writes their container: `written (ord, rid, ver, at, fresh)`
 * names what it wrote. See migrations/0007-contained.sql.
 *
 * Those of the version before are removed and the new ones inserted under new rids: comparing them would need them to
 * have kept their ids. A new resource has none before, and a write without contained resources inserts none.
 */
import { indexTables, resourceColumns, type ContainedRows, type IndexRows } from '../search/rows.ts';
import { arrayLiteral, unnest } from './arrays.ts';

const place = [
  { name: 'ord', type: 'int4' },
  { name: 'part', type: 'int4' },
] as const;

const columns = [
  ...place,
  { name: 'type', type: 'int2' },
  { name: 'fhir_id', type: 'text' },
  { name: 'linked', type: 'text' },
  ...resourceColumns,
] as const;

/** Of what was there before. */
export function removeContained(): string {
  const rows = indexTables.map(
    ({ name }) => `${name}_released as (
    delete from ${name} t using released g where t.tenant_id = $1 and t.rid = g.rid
  )`,
  );
  return `released as (
    delete from contained c using written w
    where not w.fresh and c.tenant_id = $1 and c.container = w.rid
    returning c.rid
  ),
  ${rows.join(',\n  ')}`;
}

/** Of what is there now; `first` is the number of the first of `containedArrays`. */
export function insertContained(first: number): string {
  const names = resourceColumns.map(({ name }) => name);
  let next = first + columns.length;
  const rows = indexTables.map((table) => {
    const list = table.columns.map(({ name }) => name);
    const from = unnest(next, [...place, ...table.columns]);
    next += place.length + list.length;
    return `${table.name}_held as (
    insert into ${table.name} (tenant_id, rid, ${list.join(', ')})
    select $1, h.rid, ${list.map((name) => `u.${name}`).join(', ')}
    from ${from} join held h using (ord, part)
  )`;
  });
  return `held as materialized (
    select u.*, w.rid as container, w.ver, w.at, nextval('resource_rid') as rid
    from ${unnest(first, columns)} join written w using (ord)
  ),
  contained_added as (
    insert into contained (tenant_id, rid, container, ver, last_updated, type, fhir_id, linked, ${names.join(', ')})
    select $1, h.rid, h.container, h.ver, h.at, h.type, h.fhir_id, h.linked::int4[], ${names.map((name) => `h.${name}`).join(', ')}
    from held h
  ),
  ${rows.join(',\n  ')}`;
}

type Ordered = readonly { readonly entry: { readonly index: IndexRows | null }; readonly ord: number }[];

export function holdsContained(ordered: Ordered): boolean {
  return ordered.some(({ entry }) => entry.index?.contained !== undefined);
}

interface Held extends ContainedRows {
  readonly ord: number;
  readonly part: number;
}

/** The values for `insertContained`. */
export function containedArrays(ordered: Ordered): string[] {
  const held = ordered.flatMap(({ entry, ord }) =>
    (entry.index?.contained ?? []).map((rows, part): Held => ({ ...rows, ord, part })),
  );
  const column = (valueOf: (one: Held) => unknown): string => arrayLiteral(held.map(valueOf));
  return [
    column(({ ord }) => ord),
    column(({ part }) => part),
    column(({ type }) => type),
    column(({ id }) => id),
    column(({ linked }) => arrayLiteral(linked)),
    ...resourceColumns.map((_, i) => column((one) => one.columns[i])),
    ...indexTables.flatMap((table) => {
      const rows = held.flatMap(({ ord, part, tables }) =>
        (tables[table.name] ?? []).map((row) => [ord, part, ...row]),
      );
      return [...place, ...table.columns].map((_, i) => arrayLiteral(rows.map((row) => row[i])));
    }),
  ];
}
