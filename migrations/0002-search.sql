-- Search: the values by which a resource is found.
--
-- Times are milliseconds since 1970 as int8 (a FHIR date is an interval [low, high)), hashes are 64 bits as int8, and
-- every index uses only int4, int8, float8 and text in collation "C": under row level security PostgreSQL may use an
-- operator in an index only where it is leakproof, which rules out GIN, LIKE and numeric (rare code 2 ms with these
-- B-trees, 2,143 ms with GIN). Index rows exist for live resources only.
--
-- param is the hash of an element path ("Observation.code"), not of a parameter: parameters that read the same
-- element (subject and patient, code and combo-code) share its rows. rep is the position in the repetition of the
-- resource's first-level element, so that a composite finds values of one repetition without rows of its own.

-- What nearly every clinical query uses stands in the row itself: the patient, the status and the principal date.
-- date_low is -9007199254740991 where a live resource has no date: "missing last" is then the order of the index.
alter table resource
  add column patient   text collate "C",
  add column status    text collate "C",
  add column date_low  int8,
  add column date_high int8;

create index resource_by_date on resource (tenant_id, type, date_low desc, rid desc) where not deleted;
create index resource_by_patient on resource (tenant_id, patient, type, date_low desc, rid desc)
  where patient is not null;
create index resource_by_status on resource (tenant_id, type, status, date_low desc, rid desc)
  where status is not null;

-- token: key hashes path and code without case; date repeats the resource's date_low, so that the matches of one code
-- are read in the order of the page, newest first, from the index.
create table search_token (
  rid       int8 not null,
  key       int8 not null,
  system    int8,
  date      int8 not null,
  tenant_id int4 not null,
  param     int4 not null,
  rep       int2 not null,
  value     text collate "C" not null
);
create index search_token_by_key on search_token (tenant_id, key, date desc, rid desc) include (system);
create index search_token_by_rid on search_token (tenant_id, rid);

-- reference: type is the number of the target's type, null where id holds a whole URL (another server, a canonical,
-- a URN). The id leads the index: what refers to one resource lies together, whatever the parameter.
create table search_reference (
  rid       int8 not null,
  date      int8 not null,
  tenant_id int4 not null,
  param     int4 not null,
  rep       int2 not null,
  type      int2,
  id        text collate "C" not null,
  version   text collate "C"
);
create index search_reference_by_target on search_reference (tenant_id, id, param, date desc, rid desc);
create index search_reference_by_rid on search_reference (tenant_id, rid);

-- string, and uri where value is as written: value is the folded text, cut at 200 characters for the index; rest is
-- the whole folded text where it was cut, raw the text as written where it differs from value.
create table search_string (
  rid       int8 not null,
  tenant_id int4 not null,
  param     int4 not null,
  rep       int2 not null,
  value     text collate "C" not null,
  rest      text collate "C",
  raw       text collate "C"
);
create index search_string_by_value on search_string (tenant_id, param, value, rid);
create index search_string_by_rid on search_string (tenant_id, rid);

create table search_date (
  rid       int8 not null,
  low       int8 not null,
  high      int8 not null,
  tenant_id int4 not null,
  param     int4 not null,
  rep       int2 not null
);
create index search_date_by_low on search_date (tenant_id, param, low, high, rid);
create index search_date_by_rid on search_date (tenant_id, rid);

-- quantity and number: low and high in the canonical unit that `unit` hashes (null: no unit); exact_low and exact_high
-- only where float8 cannot tell the value from its neighbours (more than 15 digits). raw_low and raw_high are the
-- numbers as written, for searches without a unit or by its name.
create table search_quantity (
  rid        int8 not null,
  unit       int8,
  low        float8 not null,
  high       float8 not null,
  tenant_id  int4 not null,
  param      int4 not null,
  rep        int2 not null,
  exact_low  numeric,
  exact_high numeric,
  raw_low    numeric not null,
  raw_high   numeric not null,
  code       text collate "C",
  label      text collate "C"
);
-- One index for each end: `gt` bounds high, `lt` bounds low. With the exact values beside, neither reads the table.
create index search_quantity_by_low on search_quantity (tenant_id, param, unit, low, rid)
  include (high, exact_low, exact_high);
create index search_quantity_by_high on search_quantity (tenant_id, param, unit, high, rid)
  include (low, exact_low, exact_high);
create index search_quantity_by_rid on search_quantity (tenant_id, rid);

do $$
declare
  name text;
begin
  foreach name in array array['search_token', 'search_reference', 'search_string', 'search_date', 'search_quantity'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy tenant on %I to makhbar_app
      using (tenant_id = nullif(current_setting(''makhbar.tenant'', true), '''')::int4)', name);
    execute format('grant select, insert, delete on %I to makhbar_app', name);
  end loop;
end
$$;

-- Which codes are frequent decides the plan of a search: 1,000 of them are known instead of 100.
alter table search_token alter column key set statistics 1000;
