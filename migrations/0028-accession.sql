-- How many accession numbers were given in a scope: a day, a day and a section, as the pattern of the laboratory says
-- (src/laboratory/accession-number.ts). The row is locked by whoever takes numbers until his transaction ends, so that no
-- number is given twice and none is left out.
create table accession_counter (
  tenant_id int4 not null,
  scope     text collate "C" not null,
  last      int8 not null,
  primary key (tenant_id, scope)
);

do $$
declare
  name text;
begin
  foreach name in array array['accession_counter'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy tenant on %I to makhbar_app
      using (tenant_id = nullif(current_setting(''makhbar.tenant'', true), '''')::int4)', name);
    execute format('grant select, insert, update on %I to makhbar_app', name);
  end loop;
end
$$;
