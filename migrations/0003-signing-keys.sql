-- The keys with which a laboratory's access tokens are signed. Each laboratory has its own, so that a token of one is
-- worthless at another; the private half is wrapped by the key-encryption key of the installation (src/files/wrap.ts).
-- The newest key that is not retired signs; every key that is not retired verifies.
create table signing_key (
  tenant_id  int4 not null,
  key_id     uuid not null,
  algorithm  text not null,
  public_jwk jsonb not null,
  wrapped    bytea not null,
  -- Fingerprint of the key-encryption key, to tell a wrong one from a damaged row.
  wrapped_by text not null,
  created    timestamptz not null default clock_timestamp(),
  retired    timestamptz,
  primary key (tenant_id, key_id)
);

alter table signing_key enable row level security;
alter table signing_key force row level security;
create policy tenant on signing_key to makhbar_app
  using (tenant_id = nullif(current_setting('makhbar.tenant', true), '')::int4);
grant select, insert, update (retired) on signing_key to makhbar_app;
