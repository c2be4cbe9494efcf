-- Audit events of other systems in the log, and the feeds by which the log goes to other systems.

-- An event that another system sent has the time that it says in `recorded`, and its text in `detail`; `time`, by which the
-- log is ordered and parted, is when it was received. Events of this server have none.
alter table audit_event add column recorded timestamptz;
create index audit_event_external on audit_event (tenant_id, time desc, id desc) where recorded is not null;

-- What was received under an identifier of its sender: key is a SHA-256 of sender, identifier and text. Sent again, it is
-- recognised.
create table audit_received (
  tenant_id int4 not null,
  key       bytea not null,
  time      timestamptz not null,
  id        uuid not null,
  primary key (tenant_id, key)
);

-- Where the log goes. The cursor is (transaction, event): every event up to it, in the order of the seals, was taken by the
-- receiver. lease names the process that is at it until lease_until; next_attempt and attempts are for what failed.
create table audit_feed (
  tenant_id    int4 not null,
  name         text collate "C" not null,
  kind         text not null check (kind in ('fhir', 'syslog')),
  address      text not null,
  -- Set by the operator: may lie in a network that is not public.
  internal     boolean not null default false,
  -- PEM: who vouches for the receiver, and the certificate of this side.
  authority    text,
  certificate  text,
  -- Encrypted: a bearer token and the key of the certificate.
  secret       bytea,
  key_id       uuid,
  -- Most events of one exchange.
  batch        int4 not null,
  active       boolean not null default true,
  transaction  int8 not null,
  event        uuid not null default '00000000-0000-0000-0000-000000000000',
  delivered    int8 not null default 0,
  last_success timestamptz,
  -- The time of the oldest event that was not taken yet; none where all were.
  behind       timestamptz,
  -- Since when nothing is taken, and why.
  stalled      timestamptz,
  failure      text,
  attempts     int4 not null default 0,
  next_attempt timestamptz not null default clock_timestamp(),
  lease        uuid,
  lease_until  timestamptz,
  created      timestamptz not null default clock_timestamp(),
  created_by   text not null,
  primary key (tenant_id, name)
);

do $$
declare
  name text;
begin
  foreach name in array array['audit_received', 'audit_feed'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy tenant on %I to makhbar_app
      using (tenant_id = nullif(current_setting(''makhbar.tenant'', true), '''')::int4)', name);
  end loop;
end
$$;
grant select, insert, delete on audit_received to makhbar_app;
grant select, insert, update, delete on audit_feed to makhbar_app;
-- Feeds that are due are found across tenants by the login role.
create policy operator on audit_feed for select using (current_user <> 'makhbar_app');
