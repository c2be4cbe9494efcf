/** Who saw a patient, counted from the audit log: a line for each agent and purpose, and what they saw of the patient. */
import type { Agent } from '../audit/record.ts';
import { typeName } from '../fhir/resource-types.ts';
import {
  checkLength,
  externalSql,
  ownerSql,
  purposesSql,
  resourceOfTouched,
  sentActionSql,
  timesOf,
  timesSql,
  touchedSql,
  type Times,
  type TimesRow,
} from './audit-report.ts';
import { foundEvents, type EventSearch } from './audit-search.ts';
import type { Session } from './pool.ts';
import { sql } from './sql.ts';

export interface AccessLine extends Times {
  readonly agent: Agent;
  /** Told by another system. */
  readonly external: boolean;
  readonly purposes: readonly string[];
  readonly seen: readonly Seen[];
}

/** Resources of one type. */
export interface Seen {
  /** Undefined where an event names none of this patient that is still known: a search that found nothing. */
  readonly type: string | undefined;
  /** Numbers of kinds of events; for events of other systems, their actions. */
  readonly deeds: readonly string[];
  /** How many different ones. */
  readonly count: number;
  /** The first of them, by id. */
  readonly ids: readonly string[];
}

/** A guess: more agents than a large hospital has. */
const mostLines = 5_000;

/** So many ids of a type are told; the number of all is told always. */
const mostIds = 50;

interface LineRow extends TimesRow {
  agent: number;
  purposes: string;
  content: string;
  external: boolean;
}

interface SeenRow {
  agent: number;
  purposes: string;
  external: boolean;
  type: number | null;
  deeds: string[];
  count: string;
  ids: string[] | null;
}

export async function accessLines(session: Session, search: EventSearch, patient: string): Promise<AccessLine[]> {
  const events = await foundEvents(session, search);
  const lines = await session.query<LineRow>(sql`
    select l.*, a.content from (
      select e.agent, ${purposesSql} as purposes, ${externalSql} as external, ${timesSql} from (${events}) e group by 1, 2, 3
    ) l join audit_agent a on a.tenant_id = ${session.tenant} and a.agent = l.agent
    order by l.last desc, l.agent, l.purposes, l.external limit ${mostLines + 1}`);
  checkLength(lines, mostLines);
  const seen = await session.query<SeenRow>(sql`
    select e.agent, ${purposesSql} as purposes, ${externalSql} as external, o.type,
      array_agg(distinct coalesce(${sentActionSql}, e.kind::text)) as deeds,
      count(distinct o.id) as count, (array_agg(distinct o.id) filter (where o.id is not null))[1:${mostIds}::int4] as ids
    from (${events}) e
    left join lateral (
      select t.type, t.id from ${touchedSql} t ${resourceOfTouched(session)} where ${ownerSql} = ${patient}
    ) o on true
    where e.outcome = 0
    group by 1, 2, 3, 4 order by 4 nulls last`);
  const byLine = Map.groupBy(seen, keyOf);
  return lines.map((row) => ({
    ...timesOf(row),
    agent: JSON.parse(row.content) as Agent,
    external: row.external,
    purposes: JSON.parse(row.purposes) as string[],
    seen: (byLine.get(keyOf(row)) ?? []).map(seenOf),
  }));
}

function keyOf({ agent, purposes, external }: Pick<SeenRow, 'agent' | 'purposes' | 'external'>): string {
  return `${agent} ${purposes} ${external}`;
}

function seenOf({ type, deeds, count, ids }: SeenRow): Seen {
  return { type: type === null ? undefined : typeName(type), deeds, count: Number(count), ids: ids ?? [] };
}
