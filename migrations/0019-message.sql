-- Messages of the gateways: what came in and went out, byte by byte, and what became of it.

-- A message is stored before it is acknowledged and never changes but for what became of it: status, ack and the rest
-- below. `sequence` is the order in which an interface received its messages; `content` the SHA-256 of the message
-- without what a repetition changes (MSH-7, MSH-10), by which a repetition is known.
create table message (
  tenant_id  int4 not null,
  id         uuid not null,
  received   timestamptz not null,
  -- When it was applied, sent or given up.
  finished   timestamptz,
  sequence   int8 not null generated always as identity,
  direction  text not null check (direction in ('in', 'out')),
  protocol   text not null check (protocol in ('hl7v2', 'astm')),
  status     text not null check (status in ('received', 'stored', 'applied', 'rejected', 'failed')),
  -- The Endpoint that describes the interface.
  interface  text collate "C" not null,
  peer       text collate "C" not null,
  -- MSH-3 and MSH-4, MSH-9 and MSH-10.
  sender     text collate "C" not null,
  type       text collate "C" not null,
  control_id text collate "C" not null,
  charset    text collate "C" not null,
  content    bytea not null,
  raw        bytea not null,
  ack        bytea,
  -- What was wrong: the problems of the acknowledgement.
  problems   jsonb,
  -- The versions of resources that were made: Type/id/_history/n.
  resources  jsonb,
  -- Ids of the patients that it was applied to.
  patients   text[] collate "C",
  attempts   int4 not null default 0,
  primary key (tenant_id, id)
);
create index message_by_time on message (tenant_id, received desc, id desc);
create index message_by_content on message (tenant_id, interface, content);
-- What is still to be done, or waits for somebody.
create index message_open on message (tenant_id, interface, sequence) where status in ('received', 'failed');

alter table message enable row level security;
alter table message force row level security;
create policy tenant on message to makhbar_app
  using (tenant_id = nullif(current_setting('makhbar.tenant', true), '')::int4);
grant select, insert on message to makhbar_app;
-- What came is not changed, only what became of it.
grant update (finished, status, ack, problems, resources, patients, attempts) on message to makhbar_app;

-- An erasure (0013-erasure.sql) empties the messages about an erased patient (type 102), and those that were not applied and
-- hold one of his identifiers. That there was a message stays.
create policy erasure on message using (current_user <> 'makhbar_app'
  and tenant_id = nullif(current_setting('makhbar.tenant', true), '')::int4);

create function erase_messages(given text, identifiers text[]) returns int8
language plpgsql volatile security definer set search_path from current as $$
declare
  tenant int4 := nullif(current_setting('makhbar.tenant', true), '')::int4;
  count int8;
begin
  update message m
  set raw = '', ack = null, problems = null, resources = null, patients = null, content = '', control_id = ''
  where m.tenant_id = tenant
    and exists (select from erased e where e.tenant_id = tenant and e.fhir_id = given and e.type = 102)
    and (given = any(m.patients) or m.patients is null and exists (
      select from unnest(identifiers) i(value) where position(convert_to(i.value, 'UTF8') in m.raw) > 0));
  get diagnostics count = row_count;
  return count;
end
$$;
revoke all on function erase_messages(text, text[]) from public;
grant execute on function erase_messages(text, text[]) to makhbar_app;
