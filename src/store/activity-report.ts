/** What a user or an application did, counted from the audit log: by day and deed, address, agent, refusal, and patient. */
import { kinds } from '../audit/kinds.ts';
import type { Agent } from '../audit/record.ts';
import { typeName } from '../fhir/resource-types.ts';
import {
  checkLength,
  externalSql,
  patientsSql,
  sentActionSql,
  timesOf,
  timesSql,
  whenSql,
  type Times,
  type TimesRow,
} from './audit-report.ts';
import { foundEvents, hasExternal, type EventSearch } from './audit-search.ts';
import type { Session } from './pool.ts';
import { raw, sql, type Sql } from './sql.ts';

export interface DeedLine extends Times {
  /** In the laboratory's zone. */
  readonly day: string;
  readonly kind: number;
  /** Of an event of another system. */
  readonly action: string | undefined;
  readonly deed: string | undefined;
  readonly type: string | undefined;
}

export interface AddressLine extends Times {
  readonly address: string;
}

export interface AgentLine extends Times {
  readonly agent: Agent;
  /** Told by another system. */
  readonly external: boolean;
}

export interface RefusalLine extends Times {
  readonly kind: number;
  readonly deed: string | undefined;
  readonly type: string | undefined;
  readonly reason: string | undefined;
  /** Refusals that its events stand for besides themselves: those past a rate are told together. */
  readonly more: number;
}

export interface Activity {
  readonly deeds: readonly DeedLine[];
  readonly addresses: readonly AddressLine[];
  readonly agents: readonly AgentLine[];
  readonly refusals: readonly RefusalLine[];
}

export interface ActivityAsked {
  readonly search: EventSearch;
  /** IANA zone in which a day begins and ends. */
  readonly zone: string;
}

/** A guess: a year of forty deeds a day. */
const mostLines = 20_000;

interface Row extends TimesRow {
  place: number;
  day: string | null;
  kind: number | null;
  deed: string | null;
  type: number | null;
  action: string | null;
  address: string | null;
  content: string | null;
  external: boolean | null;
}

/** Of another system's event the one that it names. */
const addressSql = sql`(case when e.recorded is null then e.address
  else coalesce(e.detail #>> '{terms,agent.network.address,0,r}', '') end)`;

/** One scan of the events for all three: a user with a million of them has them read from the table once. */
export async function activityOf(session: Session, { search, zone }: ActivityAsked): Promise<Activity> {
  const events = await foundEvents(session, search);
  const rows = await session.query<Row>(sql`
    select g.*, a.content from (
      select grouping(x.day, x.address, x.agent) as place, x.day, x.kind, x.deed, x.type, x.action, x.address, x.agent,
        x.external, min(x.at) as first, max(x.at) as last, count(*) as count, count(*) filter (where x.outcome <> 0) as refused
      from (
        select (${whenSql} at time zone ${zone})::date::text as day, e.kind, e.detail ->> 'deed' as deed, e.entity_type as type,
          ${sentActionSql} as action, ${addressSql} as address, e.agent, ${externalSql} as external, ${whenSql} as at, e.outcome
        from (${events}) e
      ) x
      group by grouping sets ((x.day, x.kind, x.deed, x.type, x.action), (x.address), (x.agent, x.external))
    ) g left join audit_agent a on a.tenant_id = ${session.tenant} and a.agent = g.agent
    order by g.day, g.kind, g.deed nulls first, g.type nulls first, g.action, g.address, g.agent, g.external
    limit ${mostLines + 1}`);
  checkLength(rows, mostLines);
  return {
    deeds: rows
      .filter(({ place }) => place === deedPlace)
      .map((row) => ({ ...deedOf(row), day: row.day ?? '', action: row.action ?? undefined })),
    addresses: rows
      .filter(({ place }) => place === addressPlace)
      .map((row) => ({ ...timesOf(row), address: row.address ?? '' })),
    agents: rows
      .filter(({ place }) => place === agentPlace)
      .map((row) => ({
        ...timesOf(row),
        agent: JSON.parse(row.content ?? '{}') as Agent,
        external: row.external === true,
      })),
    refusals: await refusalsOf(session, events),
  };
}

/** grouping(day, address, agent): a bit for each that a row is not grouped by. */
const deedPlace = 0b011;
const addressPlace = 0b101;
const agentPlace = 0b110;

type DeedRow = TimesRow & Pick<Row, 'kind' | 'deed' | 'type'>;

function deedOf(row: DeedRow): Times & Pick<DeedLine, 'kind' | 'deed' | 'type'> {
  const { kind, deed, type } = row;
  return { ...timesOf(row), kind: kind ?? 0, deed: deed ?? undefined, type: typeOf(type) };
}

/** Undefined also where a path named a type that R4 does not have. */
function typeOf(type: number | null): string | undefined {
  return type === null || type < 0 ? undefined : typeName(type);
}

async function refusalsOf(session: Session, events: Sql): Promise<RefusalLine[]> {
  const rows = await session.query<DeedRow & { reason: string | null; more: string | null }>(sql`
    select e.kind, e.detail ->> 'deed' as deed, e.entity_type as type, e.detail ->> 'reason' as reason, ${timesSql},
      sum((e.detail #>> '{further,0,detail,0,valueString}')::int8) filter (where e.kind = ${kinds['requests-refused'].number}) as more
    from (${events}) e where e.outcome <> 0
    group by 1, 2, 3, 4 order by 6 desc, 1, 2, 3, 4 limit ${mostLines + 1}`);
  checkLength(rows, mostLines);
  return rows.map((row) => ({ ...deedOf(row), reason: row.reason ?? undefined, more: Number(row.more ?? 0) }));
}

export interface PatientLine extends Times {
  readonly patient: string;
}

export interface PatientPage {
  /** Of all pages. */
  readonly total: number;
  readonly lines: readonly PatientLine[];
  /** Where the next page begins: after this one. */
  readonly next: string | undefined;
}

/** The patients whom events are about, in the order of their ids. */
export async function patientsConcerned(
  session: Session,
  search: EventSearch,
  { after, count }: { readonly after: string; readonly count: number },
): Promise<PatientPage> {
  const events = await foundEvents(session, search);
  const of = sql`(${events}) e cross join lateral ${patientsSql(session, await hasExternal(session))} p`;
  const [all] = await session.query<{ total: string }>(sql`select count(distinct p.patient) as total from ${of}`);
  const rows = await session.query<TimesRow & { patient: string }>(sql`
    select p.patient, ${timesSql} from ${of} where p.patient collate "C" > ${after}
    group by 1 order by p.patient ${raw('collate "C"')} limit ${count + 1}`);
  const lines = rows.slice(0, count).map((row) => ({ ...timesOf(row), patient: row.patient }));
  return { total: Number(all?.total ?? 0), lines, next: rows.length > count ? lines.at(-1)?.patient : undefined };
}

/** Sign-ins that failed under this name: their agent is nobody, because nobody knows who it was. */
export async function failedSignIns(
  session: Session,
  { username, from, before }: { readonly username: string; readonly from: number; readonly before: number },
): Promise<Times | undefined> {
  const further = JSON.stringify({ further: [{ what: { identifier: { value: username } } }] });
  const [row] = await session.query<TimesRow>(sql`select ${timesSql} from audit_event e
    where e.tenant_id = ${session.tenant} and e.kind = 31 and e.detail @> ${further}::jsonb
      and e.time >= ${new Date(from).toISOString()}::timestamptz and e.time < ${new Date(before).toISOString()}::timestamptz`);
  return row === undefined || Number(row.count) === 0 ? undefined : timesOf(row);
}
