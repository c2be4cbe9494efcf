-- Bulk exports ($export): what was asked, by whom, and the files that came of it. The content of the files is in the file
-- store, encrypted, under export/{export_id}/{number}.

create table bulk_export (
  tenant_id int4 not null,
  export_id uuid not null,
  -- Who asked: to everybody else it is not there.
  subject   text not null,
  client    text not null,
  -- What was asked, and what the caller was allowed when it was asked (src/exporting/request.ts).
  request   jsonb not null,
  state     text not null default 'running' check (state in ('running', 'complete', 'failed')),
  -- transactionTime: everything up to it was seen. Null until that is so.
  moment    timestamptz,
  progress  text,
  error     text,
  created   timestamptz not null default clock_timestamp(),
  finished  timestamptz,
  expires   timestamptz,
  -- How often in a row the status was asked for too early.
  polled    timestamptz,
  hasty     int4 not null default 0,
  primary key (tenant_id, export_id)
);
create index bulk_export_by_expiry on bulk_export (tenant_id, expires);

create table bulk_file (
  tenant_id int4 not null,
  export_id uuid not null,
  number    int4 not null,
  kind      text not null check (kind in ('output', 'deleted', 'error')),
  -- The one type of its resources; null in files that are organised by another.
  type      text,
  -- Lines and bytes.
  count     int8 not null,
  size      int8 not null,
  primary key (tenant_id, export_id, number)
);

do $$
declare
  name text;
begin
  foreach name in array array['bulk_export', 'bulk_file'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy tenant on %I to makhbar_app
      using (tenant_id = nullif(current_setting(''makhbar.tenant'', true), '''')::int4)', name);
    execute format('grant select, insert, update, delete on %I to makhbar_app', name);
  end loop;
end
$$;
