-- Bulk imports ($import): what was asked, how far each is, and what was wrong with which line. The files that are read are
-- in the file store, encrypted, under import/{import_id}/{number}, until the import has ended.

create table bulk_import (
  tenant_id int4 not null,
  import_id uuid not null,
  subject   text not null,
  client    text not null,
  -- What was asked, and who asked (src/importing/request.ts).
  request   jsonb not null,
  state     text not null default 'running' check (state in ('running', 'complete', 'failed')),
  -- How far it is: written in the transaction of the lines up to there.
  place     jsonb,
  -- Resources stored by type, and lines that were not.
  counts    jsonb not null default '{}',
  refused   int8 not null default 0,
  error     text,
  created   timestamptz not null default clock_timestamp(),
  finished  timestamptz,
  primary key (tenant_id, import_id)
);
create index bulk_import_by_end on bulk_import (tenant_id, finished);

-- The OperationOutcome of a line; past a bound lines are only counted.
create table bulk_import_line (
  tenant_id int4 not null,
  import_id uuid not null,
  file      int4 not null,
  line      int8 not null,
  outcome   text not null,
  primary key (tenant_id, import_id, file, line)
);

-- What was stored, for the references to be checked at the end; gone then.
create table bulk_import_batch (
  tenant_id int4 not null,
  import_id uuid not null,
  file      int4 not null,
  line      int8 not null,
  rids      int8[] not null,
  primary key (tenant_id, import_id, file, line)
);

-- Resources that were there under another id, found by an identifier: references follow; gone at the end.
create table bulk_import_id (
  tenant_id int4 not null,
  import_id uuid not null,
  type      int2 not null,
  given     text collate "C" not null,
  fhir_id   text collate "C" not null,
  primary key (tenant_id, import_id, type, given)
);

do $$
declare
  name text;
begin
  foreach name in array array['bulk_import', 'bulk_import_line', 'bulk_import_batch', 'bulk_import_id'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy tenant on %I to makhbar_app
      using (tenant_id = nullif(current_setting(''makhbar.tenant'', true), '''')::int4)', name);
    execute format('grant select, insert, update, delete on %I to makhbar_app', name);
  end loop;
end
$$;
