-- Tenants, current resources and their versions.
--
-- tenant_id leads every key, so that Citus can distribute each table by it. The application works under the role
-- makhbar_app, which owns nothing: row level security, forced, shows it the rows of the tenant named by the setting
-- makhbar.tenant and nothing at all where the setting is missing. No foreign key to tenant: its check costs a lookup
-- and a lock on the one tenant row for each row written.

create table tenant (
  tenant_id int4 generated always as identity primary key,
  name      text not null unique check (name ~ '^[a-z][a-z0-9-]{0,62}$'),
  title     text not null,
  status    text not null default 'active' check (status in ('active', 'suspended')),
  settings  jsonb not null default '{}',
  created   timestamptz not null default now()
);

create sequence resource_rid as int8;
grant usage on sequence resource_rid to makhbar_app;

-- One narrow row a resource that exists or existed. rid is our own number of the resource: index rows and versions
-- refer to it, and it orders resources by creation. A deleted resource keeps its row: its versions go on counting.
create table resource (
  tenant_id    int4 not null,
  type         int2 not null,
  fhir_id      text collate "C" not null,
  rid          int8 not null,
  ver          int4 not null,
  last_updated timestamptz not null,
  deleted      bool not null default false,
  primary key (tenant_id, type, fhir_id),
  unique (tenant_id, rid)
);
create index resource_by_update on resource (tenant_id, type, last_updated desc, rid desc) where not deleted;

-- Every version that ever was, the current one included; written once, never updated. content is null in the version
-- that a deletion makes. exact holds the JSON text where jsonb would not give a number back as it was written
-- (an exponent, a negative zero).
create table resource_version (
  tenant_id    int4 not null,
  rid          int8 not null,
  ver          int4 not null,
  type         int2 not null,
  last_updated timestamptz not null,
  method       text not null check (method in ('POST', 'PUT', 'PATCH', 'DELETE')),
  content      jsonb,
  exact        text,
  primary key (tenant_id, rid, ver)
);
create index resource_version_by_type on resource_version (tenant_id, type, last_updated desc, rid desc, ver desc);
create index resource_version_by_time on resource_version (tenant_id, last_updated desc, rid desc, ver desc);

alter table resource enable row level security;
alter table resource force row level security;
create policy tenant on resource to makhbar_app
  using (tenant_id = nullif(current_setting('makhbar.tenant', true), '')::int4);
grant select, insert, update on resource to makhbar_app;

alter table resource_version enable row level security;
alter table resource_version force row level security;
create policy tenant on resource_version to makhbar_app
  using (tenant_id = nullif(current_setting('makhbar.tenant', true), '')::int4);
grant select, insert on resource_version to makhbar_app;
