-- The data keys of a tenant, each wrapped by the key-encryption key of the installation (src/files/wrap.ts).
-- The newest is used for new files; older ones open the files whose header names them. Deleting the rows of a tenant
-- makes every file it ever stored unreadable (crypto-shredding), backups of the files included.
create table tenant_key (
  tenant_id  int4 not null,
  key_id     uuid not null,
  wrapped    bytea not null,
  -- Fingerprint of the key-encryption key, to tell a wrong one from a damaged row.
  wrapped_by text not null,
  created    timestamptz not null default clock_timestamp(),
  primary key (tenant_id, key_id)
);

alter table tenant_key enable row level security;
alter table tenant_key force row level security;
create policy tenant on tenant_key to makhbar_app
  using (tenant_id = nullif(current_setting('makhbar.tenant', true), '')::int4);
grant select, insert, update, delete on tenant_key to makhbar_app;
