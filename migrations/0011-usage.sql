-- What each laboratory uses. Written in groups every few seconds by the login role, for all laboratories in one statement
-- (src/usage/meter.ts); the application can read it and change nothing in it.

-- How often, by day (UTC) and metric (src/usage/metrics.ts). Of `stored-bytes`, a level, the row says what it last was
-- on that day.
create table usage (
  tenant_id int4 not null,
  day       date not null,
  metric    text collate "C" not null,
  count     int8 not null,
  primary key (tenant_id, day, metric)
);

-- Who was active on which day, so that a person is counted once however many processes and days there are. A digest:
-- counting needs no names.
create table usage_person (
  tenant_id int4 not null,
  day       date not null,
  person    bytea not null,
  primary key (tenant_id, day, person)
);

-- Bytes of JSON of all versions and of all files now; measured anew by a job each day.
create table storage_use (
  tenant_id int4 primary key,
  bytes     int8 not null,
  measured  timestamptz
);

-- The length of the JSON text that a version was written from; null in versions from before this column. Summing it over
-- 200,000 versions took 0.1 s, making their jsonb text again 0.9 s; pg_column_size is as fast, but is another number than
-- what a process can count while it writes.
alter table resource_version add column bytes int4;

do $$
declare
  name text;
begin
  foreach name in array array['usage', 'usage_person', 'storage_use'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy tenant on %I to makhbar_app
      using (tenant_id = nullif(current_setting(''makhbar.tenant'', true), '''')::int4)', name);
    execute format('create policy operator on %I using (current_user <> ''makhbar_app'')', name);
    execute format('grant select on %I to makhbar_app', name);
  end loop;
end
$$;
