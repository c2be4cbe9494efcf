-- Messages that go out: which changes interfaces ask for, the changes that wait to become messages, and their queues.

-- Types of resources whose changes an interface asks for, written by the statement that writes the Endpoint.
create table outbound_rule (
  tenant_id int4 not null,
  interface text collate "C" not null,
  type      int2 not null,
  primary key (tenant_id, type, interface)
);

-- Versions that an interface may have to be told of, written by the statement that writes the version: there is none of
-- what was rolled back, and none is missing. They are read in the order of `sequence` and go when their messages are there.
create table outbound_change (
  tenant_id int4 not null,
  sequence  int8 not null generated always as identity,
  interface text collate "C" not null,
  rid       int8 not null,
  ver       int4 not null,
  primary key (tenant_id, interface, sequence)
);

-- How the queue of an interface stands. `lease` names the process that is at it until `lease_until`; attempts and
-- next_attempt are of the message at its head; `stalled` says since when nothing goes out.
create table outbound_queue (
  tenant_id        int4 not null,
  interface        text collate "C" not null,
  lease            uuid,
  lease_until      timestamptz,
  attempts         int4 not null default 0,
  next_attempt     timestamptz not null default clock_timestamp(),
  stalled          timestamptz,
  failure          text,
  last_success     timestamptz,
  -- The address that the operator set, which may lie in a network that is not public.
  operator_address text,
  -- PEM: who vouches for the peer, and the certificate of this side; its key is encrypted.
  authority        text,
  certificate      text,
  secret           bytea,
  key_id           uuid,
  primary key (tenant_id, interface)
);

do $$
declare
  name text;
begin
  foreach name in array array['outbound_rule', 'outbound_change', 'outbound_queue'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy tenant on %I to makhbar_app
      using (tenant_id = nullif(current_setting(''makhbar.tenant'', true), '''')::int4)', name);
  end loop;
end
$$;
grant select, insert, delete on outbound_rule, outbound_change to makhbar_app;
grant select, insert, update, delete on outbound_queue to makhbar_app;
-- Queues with work are found across tenants by the login role.
create policy operator on outbound_queue for select using (current_user <> 'makhbar_app');
create policy operator on outbound_change for select using (current_user <> 'makhbar_app');

-- queued: waits to be sent; accepted: the peer has it (CA) and will say what became of it; sent: the peer took it.
alter table message drop constraint message_status_check;
alter table message add constraint message_status_check
  check (status in ('received', 'stored', 'applied', 'rejected', 'failed', 'queued', 'accepted', 'sent'));
-- The version that a message was made of: Type/id/_history/n.
alter table message add column source text collate "C";
create index message_outbox on message (tenant_id, interface, sequence) where direction = 'out' and status = 'queued';
create index message_awaited on message (tenant_id, interface, control_id) where direction = 'out';
create policy operator on message for select using (current_user <> 'makhbar_app');

-- One that waits about an erased patient is not sent any more; what it was made of is forgotten with the rest.
create or replace function erase_messages(given text, identifiers text[]) returns int8
language plpgsql volatile security definer set search_path from current as $$
declare
  tenant int4 := nullif(current_setting('makhbar.tenant', true), '')::int4;
  count int8;
begin
  update message m
  set raw = '', ack = null, problems = null, resources = null, patients = null, content = '', control_id = '', source = null,
    status = case when m.status = 'queued' then 'rejected' else m.status end
  where m.tenant_id = tenant
    and exists (select from erased e where e.tenant_id = tenant and e.fhir_id = given and e.type = 102)
    and (given = any(m.patients) or m.patients is null and exists (
      select from unnest(identifiers) i(value) where position(convert_to(i.value, 'UTF8') in m.raw) > 0));
  get diagnostics count = row_count;
  return count;
end
$$;
