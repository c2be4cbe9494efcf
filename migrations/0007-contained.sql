-- Contained resources, for searches that ask for them (_contained). https://hl7.org/fhir/R4/search.html#contained
--
-- A contained resource has a rid of its own, under which its index rows stand in the tables of 0002. Its param numbers
-- and keys are those of other paths ("#Medication.code"), so that no ordinary search meets them, not even one that
-- counts index rows alone. Its row here repeats what a resource's row holds for search; it is replaced, under a new
-- rid, with each version of its container.
create table contained (
  rid          int8 not null,
  container    int8 not null,
  -- The version of the container that has it: what a writer left behind that did not see another's rows is not met.
  ver          int4 not null,
  last_updated timestamptz not null,
  tenant_id    int4 not null,
  type         int2 not null,
  fhir_id      text collate "C" not null,
  -- The params of the container's references to it: what a chain goes through.
  linked       int4[] not null,
  patient      text collate "C",
  status       text collate "C",
  date_low     int8,
  date_high    int8,
  primary key (tenant_id, rid)
);
create index contained_by_container on contained (tenant_id, container);
create index contained_by_type on contained (tenant_id, type, rid);

alter table contained enable row level security;
alter table contained force row level security;
create policy tenant on contained to makhbar_app
  using (tenant_id = nullif(current_setting('makhbar.tenant', true), '')::int4);
grant select, insert, delete on contained to makhbar_app;

-- For a write that waited for another writer of the same resource: its statement does not see the rows that the other
-- inserted and would leave them beside its own. It is to be run again from the start.
create function overtaken() returns bool
language plpgsql volatile as $$
begin
  raise exception 'The resource was changed while the write waited for it.' using errcode = '40001';
end
$$;

-- What was stored before has no rows here yet.
insert into job (tenant_id, kind, input) select tenant_id, 'reindex', '{"everything": true}' from tenant
on conflict do nothing;
