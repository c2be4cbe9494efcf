-- The audit log: what happened, who did it, and the seals that prove that nobody changed it.
--
-- An event is a narrow row, from which its AuditEvent is made when it is asked for (src/audit/event.ts); about 250 bytes,
-- and as much again for its indexes. makhbar_app may insert and read, nothing else: what is written stays as it is until
-- its partition is dropped by the owner.

-- Events share agents: who did it, kept once.
create table audit_agent (
  tenant_id int4 not null,
  agent     int4 generated always as identity,
  -- SHA-256 of content as it was written.
  hash      bytea not null,
  content   jsonb not null,
  primary key (tenant_id, agent),
  unique (tenant_id, hash)
);

-- transaction orders the events for the seals: pg_current_xact_id() of the transaction that wrote them. All
-- transactions below the oldest one that is running have ended, so that no event can come to stand before a seal.
create table audit_event (
  time           timestamptz not null,
  transaction    int8 not null default pg_current_xact_id()::text::int8,
  id             uuid not null,
  tenant_id      int4 not null,
  agent          int4 not null,
  entity_version int4,
  kind           int2 not null,
  outcome        int2 not null,
  entity_type    int2,
  -- Of the rendering that the seals are over.
  format         int2 not null default 1,
  address        text collate "C" not null,
  request        text collate "C" not null,
  -- The one resource or the first of several, and the one patient.
  entity_id      text collate "C",
  patient        text collate "C",
  -- Whatever else: reason, purposes, query, further resources and patients.
  detail         jsonb,
  primary key (tenant_id, time, id)
) partition by range (time);

-- Where no month was made in time, and for clocks that are wrong.
create table audit_event_other partition of audit_event default;

create index audit_event_by_transaction on audit_event (tenant_id, transaction, id);
create index audit_event_by_patient on audit_event (tenant_id, patient, time desc, id desc) where patient is not null;
create index audit_event_by_agent on audit_event (tenant_id, agent, time desc, id desc);
create index audit_event_by_entity on audit_event (tenant_id, entity_id, time desc, id desc) where entity_id is not null;

-- The patients of an event that is about several: each finds it.
create table audit_patient (
  time      timestamptz not null,
  id        uuid not null,
  tenant_id int4 not null,
  patient   text collate "C" not null,
  primary key (tenant_id, patient, time, id)
) partition by range (time);
create table audit_patient_other partition of audit_patient default;

-- Seal `number` covers the events whose transaction is from `low` to below `high`, in the order of transaction and id.
-- Its text (src/audit/seal.ts) names the hash of the seal before, and is signed with a key of the laboratory. leaves are
-- the hashes of the events, 32 bytes each: the root in the text vouches for them, and they tell which event was changed.
create table audit_seal (
  tenant_id int4 not null,
  number    int8 not null,
  low       int8 not null,
  high      int8 not null,
  content   text not null,
  key_id    uuid not null,
  signature bytea not null,
  leaves    bytea not null,
  primary key (tenant_id, number)
);

alter table audit_seal alter column leaves set storage external;

do $$
declare
  name text;
begin
  foreach name in array array['audit_agent', 'audit_event', 'audit_patient', 'audit_seal'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy tenant on %I to makhbar_app
      using (tenant_id = nullif(current_setting(''makhbar.tenant'', true), '''')::int4)', name);
    execute format('grant select, insert on %I to makhbar_app', name);
  end loop;
end
$$;

-- The partitions of a month, if they are not there yet; called by the owner for the months to come.
create function audit_month(month date) returns void language plpgsql as $$
declare
  name text := to_char(month, '"_"YYYY"_"MM');
  low  text := to_char(date_trunc('month', month), 'YYYY-MM-DD') || ' 00:00:00+00';
  high text := to_char(date_trunc('month', month) + interval '1 month', 'YYYY-MM-DD') || ' 00:00:00+00';
begin
  -- Processes that start at the same time.
  perform pg_advisory_xact_lock(hashtextextended('audit-month', 0));
  if to_regclass('audit_event' || name) is null then
    execute format('create table %I partition of audit_event for values from (%L) to (%L)', 'audit_event' || name, low, high);
    execute format('create table %I partition of audit_patient for values from (%L) to (%L)', 'audit_patient' || name, low, high);
  end if;
end
$$;
