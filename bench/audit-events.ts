/**
 * Fills the audit log of a laboratory of its own with the events of thirty days, by SQL as the server would have stored
 * them: 200 people and five machines, 100,000 patients of whom few come often.
 *
 * What happens: 45 % reads, 25 % searches (1 to 11 resources each; one in seven a worklist of 5 to 20 patients), 16 %
 * writes, 3 % operations, 11 % sign-ins, tokens and refusals. Everybody's purpose of use stands in the event.
 */
import type pg from 'pg';

export const auditLaboratory = 'audit-bench';
export const auditPatients = 100_000;
export const auditUsers = 200;
const days = 30;
/** Events of one statement. */
const chunk = 50_000;

export interface Filling {
  /** As superuser. */
  readonly client: pg.Client;
  readonly tenant: number;
  readonly events: number;
  progress(share: number): void;
}

export async function fillLog(filling: Filling): Promise<void> {
  const { client, tenant, events, progress } = filling;
  const start = Date.now() - days * 86_400_000;
  await client.query('set synchronous_commit = off');
  await makeMonths(client, start);
  await makeAgents(client, tenant);
  const low = await useTransactions(client, Math.ceil(events / eventsEach));
  for (let first = 0; first < events; first += chunk) {
    const last = Math.min(first + chunk, events) - 1;
    const step = (days * 86_400_000) / events;
    await client.query(eventsText, [tenant, first, last, start, step, low]);
    await client.query(patientsText, [tenant, start + first * step, start + (last + 1) * step]);
    progress((last + 1) / events);
  }
}

async function makeMonths(client: pg.Client, start: number): Promise<void> {
  await client.query(`select audit_month((to_timestamp($1::float8 / 1000) at time zone 'UTC')::date)`, [start]);
}

/** Events that share a transaction, as those of callers who come together do. */
const eventsEach = 20;

/** Transactions of the database that are over: seals are made of those only. Gives the first. */
async function useTransactions(client: pg.Client, count: number): Promise<string> {
  const { rows } = await client.query<{ first: string }>('select pg_current_xact_id()::text as first');
  await client.query(`do $$ begin for n in 1..${count} loop perform pg_current_xact_id(); commit; end loop; end $$`);
  return rows[0]?.first ?? '0';
}

async function makeAgents(client: pg.Client, tenant: number): Promise<void> {
  await client.query(
    `insert into audit_agent (tenant_id, hash, content)
     select $1, sha256(convert_to(content::text, 'UTF8')), content from (
       select jsonb_build_object('subject', 'user-' || n, 'client', 'portal',
         'roles', jsonb_build_array(case when n % 4 = 0 then 'pathologist' else 'technician' end),
         'fhirUser', 'Practitioner/user-' || n) as content
       from generate_series(1, ${auditUsers}) n
       union all
       select jsonb_build_object('subject', 'machine-' || n, 'client', 'machine-' || n, 'roles', '["interface"]'::jsonb)
       from generate_series(1, 5) n) made
     on conflict do nothing`,
    [tenant],
  );
}

/** The id of patient n, and of the m-th result of his. */
const patientText = (n: string): string => `md5('patient ' || ${n})::uuid::text`;
const resultText = (n: string, m: string): string => `md5('result ' || ${n} || ' ' || ${m})::uuid::text`;

export function patientId(n: number): { text: string; values: unknown[] } {
  return { text: `select ${patientText('$1::int4')} as id`, values: [n] };
}

export function resultId(n: number, m: number): { text: string; values: unknown[] } {
  return { text: `select ${resultText('$1::int4', '$2::int4')} as id`, values: [n, m] };
}

/** Kinds by their shares: src/audit/kinds.ts. 95 is Observation (src/fhir/resource-types.ts). */
const eventsText = `
  with agents as (
    select array_agg(agent order by agent) filter (where content ->> 'subject' like 'user-%') as users,
      array_agg(agent order by agent) filter (where content ->> 'subject' like 'machine-%') as machines
    from audit_agent where tenant_id = $1
  ), thrown as (
    select g, ($4::float8 + g * $5::float8)::int8 as ms, random() as what, random() as who, random() as which,
      floor(power(random(), 2) * ${auditPatients})::int4 as p, floor(power(random(), 2) * 30)::int4 as m, md5(random()::text) as x
    from generate_series($2::int4, $3::int4) g
  ), kinds as (
    select *, case
      when what < 0.45 then 2 when what < 0.70 then 10 when what < 0.78 then 1 when what < 0.83 then 4
      when what < 0.86 then 14 when what < 0.89 then 12 when what < 0.92 then 35 when what < 0.96 then 36
      when what < 0.98 then 30 when what < 0.985 then 31 else 39 end as kind,
      what >= 0.45 and what < 0.70 and which < 0.15 as worklist
    from thrown
  ), shaped as (
    select *, kind < 30 or kind = 39 as about,
      case when kind = 10 then floor(who * 11)::int4 when kind in (12, 14) then 8 else 0 end as further
    from kinds
  )
  insert into audit_event (tenant_id, time, transaction, id, agent, kind, outcome, entity_type, entity_id, entity_version,
    address, request, patient, detail)
  select $1, timestamptz 'epoch' + ms * interval '1 ms', $6::int8 + g / ${eventsEach},
    (lpad(to_hex(ms), 12, '0') || '7' || substr(x, 1, 3) || '8' || substr(x, 4, 15))::uuid,
    case when kind in (1, 14) then machines[1 + floor(who * 5)::int4] else users[1 + floor(power(which, 1.5) * ${auditUsers})::int4] end,
    kind, case when kind in (31, 39) then 8 else 0 end,
    case when about then 95 end, case when about then ${resultText('p', 'm')} end, case when about and kind <> 39 then 1 + m % 3 end,
    '10.0.' || p % 4 || '.' || floor(who * 250)::int4, md5(x || g)::uuid::text,
    case when about and not worklist then ${patientText('p')} end,
    jsonb_strip_nulls(jsonb_build_object(
      'purposes', case when kind = 39 and which < 0.01 then '["BTG"]'::jsonb when kind < 30 then '["TREAT"]'::jsonb end,
      'reason', case when kind = 39 then '403 forbidden: The access token does not permit to read Observation.' end,
      'deed', case when kind = 12 then '$everything' when kind = 39 then 'read' end,
      'query', case when kind = 10 then 'Observation?patient=' || ${patientText('p')} || '&_sort=-date&_count=20' end,
      'patients', case when worklist then (select jsonb_agg(${patientText('((p + n * 7919) % ' + String(auditPatients) + ')')})
        from generate_series(1, 5 + further) n) end,
      'more', case when further > 0 then (select jsonb_agg(jsonb_build_array(95, ${resultText('p', '((m + n) % 30)')}, 1))
        from generate_series(1, further) n) end))
  from shaped cross join agents`;

/** The patients of the worklists of a period. */
const patientsText = `
  insert into audit_patient (tenant_id, patient, time, id)
  select $1, p.patient, e.time, e.id
  from audit_event e cross join lateral jsonb_array_elements_text(e.detail -> 'patients') p(patient)
  where e.tenant_id = $1 and e.detail ? 'patients' and e.time >= to_timestamp($2::float8 / 1000) and e.time < to_timestamp($3::float8 / 1000)
  on conflict do nothing`;
