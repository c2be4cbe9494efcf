-- What persons are given of their data (GDPR Art. 15, 20): files that are deleted at a set time. Ids only.
create table evidence (
  tenant_id   int4 not null,
  binary_id   text collate "C" not null,
  expires     timestamptz not null,
  primary key (tenant_id, binary_id)
);

create index evidence_by_time on evidence (tenant_id, expires);

alter table evidence enable row level security;
alter table evidence force row level security;
create policy tenant on evidence to makhbar_app
  using (tenant_id = nullif(current_setting('makhbar.tenant', true), '')::int4);
grant select, insert, delete on evidence to makhbar_app;
