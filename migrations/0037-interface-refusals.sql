-- What each interface refused: how much, and the last of it with its rule (never what a frame or message held).
create table interface_refusal (
  tenant_id int4 not null,
  interface text collate "C" not null,
  count     int8 not null,
  reason    text not null,
  peer      text collate "C" not null,
  last      timestamptz not null,
  primary key (tenant_id, interface)
);
alter table interface_refusal enable row level security;
alter table interface_refusal force row level security;
create policy tenant on interface_refusal to makhbar_app
  using (tenant_id = nullif(current_setting('makhbar.tenant', true), '')::int4);
grant select, insert, update on interface_refusal to makhbar_app;
