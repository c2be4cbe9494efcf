/** Whom and what events concern, counted from the audit log: what succeeded exposed it; what was refused did not. */
import { typeName } from '../fhir/resource-types.ts';
import { labelsOfSql } from '../search/labels-sql.ts';
import {
  ownerSql,
  patientsSql,
  resourceOfTouched,
  timesOf,
  timesSql,
  touchedSql,
  whenSql,
  type Times,
  type TimesRow,
} from './audit-report.ts';
import { foundEvents, hasExternal, type EventSearch } from './audit-search.ts';
import { instantText, type Database, type Session } from './pool.ts';
import { sql, type Sql } from './sql.ts';

export interface Category {
  readonly type: string;
  /** Codes of confidentiality that the records carry now, separated by spaces; '' for those without, and those gone. */
  readonly label: string;
  readonly records: number;
  readonly persons: number;
}

export interface Breach {
  /** By kind of event. */
  readonly events: readonly (Times & { readonly kind: number })[];
  /** FHIR instants of what succeeded, if anything did. */
  readonly first: string | undefined;
  readonly last: string | undefined;
  readonly persons: number;
  readonly categories: readonly Category[];
}

export interface BreachAsked {
  readonly search: EventSearch;
  /** Codes and systems of confidentiality. */
  readonly labels: { readonly codes: readonly string[]; readonly systems: readonly string[] };
}

interface KindRow extends TimesRow {
  kind: number;
  began: string | null;
  ended: string | null;
}

/**
 * A breach may concern all of the log: 12 s for a million events of one application, so two minutes for ten million. What
 * other statements may take (STATEMENT_TIMEOUT) would refuse the one report that nobody can do without. For this transaction.
 */
export async function allowTime(session: Session): Promise<void> {
  await session.query(sql`select set_config('statement_timeout', '300000', true)`);
}

export async function breachOf(session: Session, { search, labels }: BreachAsked): Promise<Breach> {
  const events = await foundEvents(session, search);
  const external = await hasExternal(session);
  const kinds = await session.query<KindRow>(sql`select e.kind, ${timesSql},
      min(${whenSql}) filter (where e.outcome = 0) as began, max(${whenSql}) filter (where e.outcome = 0) as ended
    from (${events}) e group by 1 order by 1`);
  const [persons] = await session.query<{ count: string }>(sql`select count(*) as count from (
      select distinct p.patient from (${events}) e cross join lateral ${patientsSql(session, external)} p where e.outcome = 0
    ) d`);
  return {
    events: kinds.map((row) => ({ ...timesOf(row), kind: row.kind })),
    first: kinds.flatMap(({ began }) => (began === null ? [] : [instantText(began)])).sort()[0],
    last: kinds
      .flatMap(({ ended }) => (ended === null ? [] : [instantText(ended)]))
      .sort()
      .at(-1),
    persons: Number(persons?.count ?? 0),
    categories: await categoriesOf(session, events, labels),
  };
}

async function categoriesOf(session: Session, events: Sql, labels: BreachAsked['labels']): Promise<Category[]> {
  const rows = await session.query<{ type: number; label: string; records: string; persons: string }>(sql`
    with shown as materialized (
      select distinct ${ownerSql} as patient, t.type, t.id, r.rid
      from (${events}) e cross join lateral ${touchedSql} t ${resourceOfTouched(session)}
      where e.outcome = 0
    ), labelled as (
      select s.*, coalesce((select string_agg(l.label, ' ' order by l.label)
        from (${labelsOfSql(labels, sql`s.rid`, session.tenant)}) l), '') as label
      from shown s
    )
    select type, label, count(distinct id) as records, count(distinct patient) as persons
    from labelled group by 1, 2 order by 1, 2`);
  return rows.map(({ type, label, records, persons }) => ({
    type: typeName(type),
    label,
    records: Number(records),
    persons: Number(persons),
  }));
}

/** A person, or one record of one person. */
export interface Concerned {
  /** Undefined where the record is nobody's. */
  readonly patient: string | undefined;
  /** Undefined for the person as such: all events that name them. */
  readonly record: string | undefined;
  readonly first: string;
  readonly last: string;
  readonly count: number;
}

interface ConcernedRow extends Omit<TimesRow, 'refused'> {
  patient: string | null;
  type: number | null;
  id: string | null;
}

/**
 * All of them, person by person, in one transaction that a cursor reads from: neither this process nor the reader's holds
 * them together. A reader who takes nothing for half a minute is cut off (operations/streamed.ts).
 */
export async function eachConcerned(
  database: Database,
  search: EventSearch,
  { tenant, take }: { readonly tenant: number; readonly take: (rows: readonly Concerned[]) => Promise<void> },
): Promise<void> {
  let begun = false;
  await database.transaction(
    tenant,
    async (session) => {
      // What was sent is not sent again.
      if (begun) throw new Error('The list was broken off.');
      begun = true;
      await allowTime(session);
      const events = await foundEvents(session, search);
      await session.query(
        sql`declare concerned cursor for ${concernedSql(session, events, await hasExternal(session))}`,
      );
      for (;;) {
        const rows = await session.query<ConcernedRow>(sql`fetch 1000 from concerned`);
        if (rows.length === 0) return;
        await take(rows.map(concernedOf));
      }
    },
    'snapshot',
  );
}

/** Of each person first a row without a record, with all events that name them; then one for each record. */
function concernedSql(session: Session, events: Sql, external: boolean): Sql {
  return sql`with found as materialized (select * from (${events}) e where e.outcome = 0)
    select c.patient, c.type, c.id, min(c.at) as first, max(c.at) as last, count(*) as count from (
      select ${ownerSql} as patient, t.type, t.id, ${whenSql} as at
      from found e cross join lateral ${touchedSql} t ${resourceOfTouched(session)}
      union all
      select p.patient, null, null, ${whenSql} from found e cross join lateral ${patientsSql(session, external)} p
    ) c
    group by 1, 2, 3 order by 1 nulls last, 2 nulls first, 3`;
}

function concernedOf({ patient, type, id, first, last, count }: ConcernedRow): Concerned {
  return {
    patient: patient ?? undefined,
    record: type === null ? undefined : `${typeName(type)}/${id}`,
    first: instantText(first),
    last: instantText(last),
    count: Number(count),
  };
}
