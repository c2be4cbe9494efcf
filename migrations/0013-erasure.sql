-- Requests of the persons whom the data are about: restriction of processing, and erasure with what it leaves behind.

-- When a restriction of the tenant was first put in force; null: no statement has to ask for any (src/store/restriction.ts).
alter table tenant add column restrictions timestamptz;

-- Patients whose data are stored and not used (GDPR Art. 18), one row a restriction. `erasure` names the one that kept
-- something by a rule of retention: that restriction ends with what was kept.
create table restriction (
  tenant_id   int4 not null,
  restriction uuid not null default gen_random_uuid(),
  patient     text collate "C" not null,
  reason      text not null,
  -- Who asked for it, as the officer says: the patient, an authority.
  asked_by    text,
  made_by     text not null,
  since       timestamptz not null default clock_timestamp(),
  erasure     uuid,
  lifted      timestamptz,
  lifted_by   text,
  lift_reason text,
  primary key (tenant_id, restriction)
);
create unique index restriction_in_force on restriction (tenant_id, patient) where lifted is null;

-- What was done: ids, the rule by which something was kept, and a reason, which must not name the person.
create table erasure (
  tenant_id int4 not null,
  erasure   uuid not null,
  patient   text collate "C" not null,
  reason    text not null,
  rule      text,
  kept      text[] not null default '{}',
  made_by   text not null,
  at        timestamptz not null default clock_timestamp(),
  primary key (tenant_id, erasure)
);
create index erasure_of_patient on erasure (tenant_id, patient, at desc);

-- Tombstones. An id that stands here answers that it was erased and is never taken again.
create table erased (
  tenant_id int4 not null,
  type      int2 not null,
  fhir_id   text collate "C" not null,
  rid       int8 not null,
  erasure   uuid not null,
  primary key (tenant_id, type, fhir_id)
);
create index erased_by_erasure on erased (tenant_id, erasure);

-- Single versions of resources that stayed, where these named the patient.
create table erased_version (
  tenant_id int4 not null,
  rid       int8 not null,
  ver       int4 not null,
  erasure   uuid not null,
  primary key (tenant_id, rid, ver)
);
create index erased_version_by_erasure on erased_version (tenant_id, erasure);

-- Files whose rows are gone; a job deletes them and then the row here (src/jobs/delete-erased-files.ts).
create table erased_file (
  tenant_id int4 not null,
  file_key  text collate "C" not null,
  primary key (tenant_id, file_key)
);

do $$
declare
  name text;
begin
  foreach name in array array['restriction', 'erasure', 'erased', 'erased_version', 'erased_file'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy tenant on %I to makhbar_app
      using (tenant_id = nullif(current_setting(''makhbar.tenant'', true), '''')::int4)', name);
    execute format('grant select, insert on %I to makhbar_app', name);
  end loop;
end
$$;
grant update (lifted, lifted_by, lift_reason), delete on restriction to makhbar_app;
grant delete on erased_file to makhbar_app;

-- How many erasures there were: a write asks for tombstones only where there are any.
alter table search_state add column erasures int4 not null default 0;

-- The application cannot delete resources and versions, accounts and overrides. The functions below do, under the owner,
-- whom row level security binds as well: to the tenant that the connection speaks for, and to what a tombstone names.
do $$
declare
  name text;
begin
  foreach name in array array['resource', 'resource_version', 'break_glass', 'account', 'erasure', 'erased',
      'erased_version'] loop
    execute format('create policy erasure on %I using (current_user <> ''makhbar_app''
      and tenant_id = nullif(current_setting(''makhbar.tenant'', true), '''')::int4)', name);
  end loop;
end
$$;

-- Deletes what the tombstones of an erasure name, and nothing else: no resource goes without one. Gives how many versions.
create function erase_resources(given uuid) returns int8
language plpgsql volatile security definer set search_path from current as $$
declare
  tenant int4 := nullif(current_setting('makhbar.tenant', true), '')::int4;
  whole int8;
  single int8;
begin
  if tenant is null then
    raise exception 'No laboratory is named.';
  end if;
  delete from resource_version v using erased e
  where e.tenant_id = tenant and e.erasure = given and v.tenant_id = tenant and v.rid = e.rid;
  get diagnostics whole = row_count;
  delete from resource_version v using erased_version e
  where e.tenant_id = tenant and e.erasure = given and v.tenant_id = tenant and v.rid = e.rid and v.ver = e.ver;
  get diagnostics single = row_count;
  delete from resource r using erased e
  where e.tenant_id = tenant and e.erasure = given and r.tenant_id = tenant and r.rid = e.rid;
  return whole + single;
end
$$;

-- The overrides for a patient of whom there was an erasure: their reasons are free text about an emergency of his.
create function erase_overrides(given text) returns int8
language plpgsql volatile security definer set search_path from current as $$
declare
  tenant int4 := nullif(current_setting('makhbar.tenant', true), '')::int4;
  count int8;
begin
  delete from break_glass b
  where b.tenant_id = tenant and b.patient = given
    and exists (select from erasure e where e.tenant_id = tenant and e.patient = given);
  get diagnostics count = row_count;
  return count;
end
$$;

-- An account that was an erased resource, or a patient of whom there was an erasure, signs in no more and names nobody; its
-- id stays, as the audit log has it. The number and name of a type are given, as the database does not know them.
create function erase_accounts(type_number int2, type_name text) returns setof uuid
language plpgsql volatile security definer set search_path from current as $$
declare
  tenant int4 := nullif(current_setting('makhbar.tenant', true), '')::int4;
begin
  return query
    update account a
    set username = 'erased-' || a.account_id, display = 'Erased', email = null, fhir_user = null, status = 'disabled',
      password = null, disabled = coalesce(a.disabled, clock_timestamp())
    where a.tenant_id = tenant and (
      exists (select from erased e
        where e.tenant_id = tenant and e.type = type_number and a.fhir_user = type_name || '/' || e.fhir_id)
      or exists (select from erasure e where e.tenant_id = tenant and a.fhir_user = 'Patient/' || e.patient))
    returning a.account_id;
end
$$;

revoke all on function erase_resources(uuid), erase_overrides(text), erase_accounts(int2, text) from public;
grant execute on function erase_resources(uuid), erase_overrides(text), erase_accounts(int2, text) to makhbar_app;

-- Called by an erasure before it looks: waits until all writes under way have ended, and holds up new ones until it ends.
-- Writes hold the lock of their revision of the search parameters (0006-jobs.sql); those below `closed` are refused.
create function hold_writes(tenant int4) returns void
language plpgsql volatile as $$
declare
  state search_state;
begin
  insert into search_state (tenant_id) values (tenant) on conflict do nothing;
  select * into state from search_state where tenant_id = tenant;
  for revision in state.closed .. state.revision loop
    perform pg_advisory_xact_lock(tenant, revision);
  end loop;
  -- A transaction that keeps its snapshot fails at this row and is run again.
  update search_state set erasures = erasures + 1 where tenant_id = tenant;
end
$$;

-- As indexing_revision; and refuses to write under an erased id, or about an erased patient (type 102). Whoever waited for
-- an erasure reads what it left by a snapshot of its own.
create function writing_revision(tenant int4, given int4, types int2[], ids text[], patients text[]) returns int4
language plpgsql volatile as $$
declare
  present int4 := indexing_revision(tenant, given);
begin
  if exists (select from search_state s where s.tenant_id = tenant and s.erasures > 0) then
    if exists (select from unnest(types, ids) w(type, id)
        join erased e on e.tenant_id = tenant and e.type = w.type and e.fhir_id = w.id) then
      raise exception 'The resource was erased.' using errcode = 'MK410';
    end if;
    if exists (select from erased e where e.tenant_id = tenant and e.type = 102 and e.fhir_id = any(patients)) then
      raise exception 'The patient was erased.' using errcode = 'MK411';
    end if;
  end if;
  return present;
end
$$;
