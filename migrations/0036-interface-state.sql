-- Counts the writes of what the interfaces of a laboratory are made of (Endpoint, ConceptMap): gateways ask for all counts at
-- once, each second, and read those laboratories that have changed.
create table interface_state (
  tenant_id int4 primary key,
  revision  int8 not null
);
alter table interface_state enable row level security;
alter table interface_state force row level security;
create policy tenant on interface_state to makhbar_app
  using (tenant_id = nullif(current_setting('makhbar.tenant', true), '')::int4);
create policy operator on interface_state for select using (current_user <> 'makhbar_app');
grant select, insert, update on interface_state to makhbar_app;
