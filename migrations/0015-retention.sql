-- How long data are kept, what must not go yet, and what went.

-- Where a laboratory departs from what is usual (src/retention/categories.ts). period: ISO 8601, P2Y; null keeps until told
-- otherwise. basis: the law or contract.
create table retention_rule (
  tenant_id  int4 not null,
  category   text collate "C" not null,
  period     text,
  basis      text not null,
  changed    timestamptz not null default clock_timestamp(),
  changed_by text not null,
  primary key (tenant_id, category)
);

-- What must be kept in spite of its rule: all of a laboratory, a category, or what is of a patient.
create table legal_hold (
  tenant_id   int4 not null,
  hold        uuid not null default gen_random_uuid(),
  category    text collate "C",
  patient     text collate "C",
  reason      text not null,
  made_by     text not null,
  since       timestamptz not null default clock_timestamp(),
  lifted      timestamptz,
  lifted_by   text,
  lift_reason text,
  primary key (tenant_id, hold),
  check (category is null or patient is null)
);
create index legal_hold_in_force on legal_hold (tenant_id) where lifted is null;

-- revision counts the changes of rules and holds: what is removed is removed by the one in force, or not at all
-- (retention_guard). clean: by category of the log, the seal below which nothing is left that could go.
create table retention_state (
  tenant_id int4 primary key,
  revision  int8 not null default 0,
  clean     jsonb not null default '{}'
);

-- A run tells first what would go (announced), and is carried out later. found and removed: by category.
create table retention_run (
  tenant_id int4 not null,
  run       uuid not null,
  state     text not null default 'announced' check (state in ('announced', 'applying', 'applied', 'superseded')),
  made      timestamptz not null,
  made_by   text not null,
  found     jsonb not null,
  started   timestamptz,
  finished  timestamptz,
  removed   jsonb not null default '{}',
  primary key (tenant_id, run)
);
create index retention_run_by_time on retention_run (tenant_id, made desc);

-- Events that went by a rule. content says of which seals, by which rule, and the hash of `removed`, and is signed with a
-- key of the laboratory (src/audit/removal.ts). removed has a bit for each leaf of these seals, those of a seal from the
-- next whole byte on.
create table audit_removal (
  tenant_id int4 not null,
  number    int8 not null,
  -- Numbers of seals, both included.
  first     int8 not null,
  last      int8 not null,
  content   text not null,
  key_id    uuid not null,
  signature bytea not null,
  removed   bytea not null,
  primary key (tenant_id, number)
);

-- Who processes for the one who runs the server: what for, where, since when the laboratory knows, and until when it may
-- object (GDPR Art. 28(2)).
create table sub_processor (
  tenant_id    int4 not null,
  name         text collate "C" not null,
  service      text not null,
  country      text not null,
  -- By what data may go there, where it is a third country.
  safeguard    text,
  noticed      date not null,
  object_until date not null,
  starts       date not null,
  objected     timestamptz,
  objected_by  text,
  objection    text,
  changed      timestamptz not null default clock_timestamp(),
  changed_by   text not null,
  primary key (tenant_id, name)
);

do $$
declare
  name text;
begin
  foreach name in array array['sub_processor', 'retention_rule', 'legal_hold', 'retention_state', 'retention_run', 'audit_removal'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy tenant on %I to makhbar_app
      using (tenant_id = nullif(current_setting(''makhbar.tenant'', true), '''')::int4)', name);
    execute format('grant select, insert on %I to makhbar_app', name);
  end loop;
  -- The owner removes what the application cannot: of the one tenant that the transaction names.
  foreach name in array array['audit_event', 'audit_patient', 'audit_seal', 'audit_removal', 'retention_state', 'retention_run',
      'legal_hold', 'account_role', 'account_factor', 'account_recovery', 'account_ticket', 'account_challenge', 'client',
      'openid_state', 'audit_agent'] loop
    execute format('create policy retention on %I using (current_user <> ''makhbar_app''
      and tenant_id = nullif(current_setting(''makhbar.tenant'', true), '''')::int4)', name);
  end loop;
end
$$;
grant update, delete on retention_rule, sub_processor to makhbar_app;
grant update (lifted, lifted_by, lift_reason) on legal_hold to makhbar_app;
grant update on retention_state to makhbar_app;
grant update (state, started, finished, removed), delete on retention_run to makhbar_app;

-- When the earliest event of a seal was: `from` in its text, which stands there before anything that a laboratory names.
create index audit_seal_by_start on audit_seal (tenant_id, (substring(content from '"from":"([^"]{24})"') collate "C"));

-- In the transaction that removes: fails where rules or holds are others than those by which it was chosen what goes, and
-- makes a change of them wait until it has ended.
create function retention_guard(tenant int4, given int8) returns void language plpgsql as $$
begin
  perform from retention_state where tenant_id = tenant and revision = given for share;
  if not found then
    raise exception 'The rules of retention or the legal holds changed.' using errcode = '40001';
  end if;
end
$$;

-- Takes sealed events out of the log, all that are named or none; called by the owner alone, who stores the signed mark in the
-- same transaction. An event that is not below `high` (a seal's), or not before `latest`, or is not there, stops it.
create function expire_events(tenant int4, high int8, latest timestamptz, ids uuid[], times timestamptz[],
  patients text[], patient_ids uuid[], patient_times timestamptz[]) returns void language plpgsql as $$
declare
  sealed int8;
  gone int8;
begin
  perform set_config('makhbar.tenant', tenant::text, true);
  select s.high into sealed from audit_seal s where s.tenant_id = tenant order by s.number desc limit 1;
  if sealed is null or high > sealed or latest > clock_timestamp() - interval '30 days' then
    raise exception 'Only sealed events of more than 30 days ago are removed.';
  end if;
  delete from audit_patient p using unnest(patients, patient_ids, patient_times) e(patient, id, time)
  where p.tenant_id = tenant and p.patient = e.patient and p.time = e.time and p.id = e.id;
  delete from audit_event a using unnest(ids, times) e(id, time)
  where a.tenant_id = tenant and a.time = e.time and a.id = e.id and a.time < latest and a.transaction < high;
  get diagnostics gone = row_count;
  if gone <> cardinality(ids) then
    raise exception 'Of % events % could be removed.', cardinality(ids), gone;
  end if;
end
$$;

-- Removes accounts with all that belongs to them; called by the owner. One that is not disabled stays.
create function expire_accounts(tenant int4, accounts uuid[]) returns setof uuid language plpgsql as $$
declare
  going uuid[];
begin
  going := array(select account_id from account where tenant_id = tenant and account_id = any(accounts)
    and status = 'disabled' and disabled < clock_timestamp() - interval '30 days' for update);
  delete from account_role where tenant_id = tenant and account_id = any(going);
  delete from account_factor where tenant_id = tenant and account_id = any(going);
  delete from account_recovery where tenant_id = tenant and account_id = any(going);
  delete from account_ticket where tenant_id = tenant and account_id = any(going);
  delete from account_challenge where tenant_id = tenant and account_id = any(going);
  delete from account where tenant_id = tenant and account_id = any(going);
  return query select unnest(going);
end
$$;

-- Drops the partitions of a month that has nothing left; true where it did. Waits for others 100 ms at most.
create function drop_audit_month(month date) returns boolean language plpgsql set lock_timeout = '100ms' as $$
declare
  name text := to_char(month, '"_"YYYY"_"MM');
  empty boolean;
begin
  if month > date_trunc('month', clock_timestamp() at time zone 'UTC') - interval '2 months' then
    raise exception 'The month % is not over long enough.', month;
  end if;
  if to_regclass('audit_event' || name) is null then return false; end if;
  execute format('select not exists (select from %I) and not exists (select from %I)', 'audit_event' || name, 'audit_patient' || name)
    into empty;
  if not empty then return false; end if;
  lock table only audit_event, only audit_patient in access exclusive mode;
  execute format('select not exists (select from %I) and not exists (select from %I)', 'audit_event' || name, 'audit_patient' || name)
    into empty;
  if not empty then return false; end if;
  execute format('drop table %I, %I', 'audit_event' || name, 'audit_patient' || name);
  return true;
end
$$;

revoke all on function expire_events(int4, int8, timestamptz, uuid[], timestamptz[], text[], uuid[], timestamptz[]),
  expire_accounts(int4, uuid[]), drop_audit_month(date), retention_guard(int4, int8) from public;
grant execute on function retention_guard(int4, int8) to makhbar_app;
