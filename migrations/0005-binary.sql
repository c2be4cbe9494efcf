-- Which file holds the content of which version of a Binary; written in the transaction of the version, after the file.
-- A file without a row here was left by a failed write and is swept (src/interactions/binary-files.ts).
create table binary_file (
  tenant_id    int4 not null,
  rid          int8 not null,
  ver          int4 not null,
  file_key     text collate "C" not null,
  size         int8 not null,
  sha256       text not null,
  content_type text not null,
  primary key (tenant_id, rid, ver)
);
create index binary_file_by_key on binary_file (tenant_id, file_key);

alter table binary_file enable row level security;
alter table binary_file force row level security;
create policy tenant on binary_file to makhbar_app
  using (tenant_id = nullif(current_setting('makhbar.tenant', true), '')::int4);
grant select, insert, delete on binary_file to makhbar_app;
