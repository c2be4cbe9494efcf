-- The numbers that order the audit log across restores, and how far seals were published.
--
-- Events are ordered by the transaction that wrote them. A cluster into which a dump is restored counts transactions from
-- the beginning again: new events would come to stand among those that are sealed. There a segment begins: its numbers are
-- those of the cluster and a shift, so that they go on above all that were there before (src/store/audit-segments.ts).
create table audit_segment (
  segment int4 primary key,
  -- pg_control_system().system_identifier; '' where the login may not ask.
  system  text not null,
  shift   int8 not null,
  began   timestamptz not null default clock_timestamp(),
  reason  text not null
);
grant select on audit_segment to makhbar_app;

create function audit_system() returns text language plpgsql stable as $$
begin
  return (select system_identifier::text from pg_control_system());
exception when insufficient_privilege then
  return '';
end
$$;

insert into audit_segment (segment, system, shift, reason) values (1, audit_system(), 0, 'the first');

-- The shift stands in the functions themselves: they are inlined, and cost an event nothing. All transactions below the
-- horizon have ended.
create function audit_transaction() returns int8 language sql stable as
  'select pg_current_xact_id()::text::int8 + 0';
create function audit_horizon() returns int8 language sql stable as
  'select pg_snapshot_xmin(pg_current_snapshot())::text::int8 + 0';

alter table audit_event alter column transaction set default audit_transaction();

-- Begins a segment whose numbers are `base` at least. No event is written meanwhile.
create function audit_continue(base int8, why text) returns void language plpgsql as $$
declare
  former audit_segment;
  shift  int8;
begin
  lock table audit_event in share row exclusive mode;
  select * into strict former from audit_segment order by segment desc limit 1;
  -- Transactions that are running have numbers from the oldest of them on.
  shift := greatest(former.shift, base - pg_snapshot_xmin(pg_current_snapshot())::text::int8);
  execute format('create or replace function audit_transaction() returns int8 language sql stable as
    ''select pg_current_xact_id()::text::int8 + %s''', shift);
  execute format('create or replace function audit_horizon() returns int8 language sql stable as
    ''select pg_snapshot_xmin(pg_current_snapshot())::text::int8 + %s''', shift);
  insert into audit_segment (segment, system, shift, reason) values (former.segment + 1, audit_system(), shift, why);
end
$$;
revoke execute on function audit_continue from public;

-- How far the seals of a laboratory were sent to an address: `number` is the last that was taken there. A process that
-- sends holds the row until `held`.
create table audit_publication (
  tenant_id int4 not null,
  address   text not null,
  number    int8 not null default 0,
  hash      text not null default '',
  failures  int4 not null default 0,
  problem   text,
  next_try  timestamptz not null default '-infinity',
  held      timestamptz not null default '-infinity',
  primary key (tenant_id, address)
);
alter table audit_publication enable row level security;
alter table audit_publication force row level security;
create policy tenant on audit_publication to makhbar_app
  using (tenant_id = nullif(current_setting('makhbar.tenant', true), '')::int4);
grant select, insert, update on audit_publication to makhbar_app;
