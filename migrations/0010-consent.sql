-- Consent: the rules that active privacy consents make, and overrides of them in an emergency.

-- When the first Consent of the tenant was written; null: no search has to ask for any (src/store/consent.ts).
alter table tenant add column consents timestamptz;

-- One row a provision of a Consent that is in force, flattened (src/access/consent.ts says by which rules): an array that
-- is null demands nothing. Rows exist for active consents only and are written and removed with the Consent's own row, so
-- that a withdrawal holds as soon as it is committed. consent is the rid of the Consent, path where the provision stands
-- in it, low and high the time [low, high) in which the rule holds, in milliseconds since 1970.
create table consent_rule (
  tenant_id  int4 not null,
  patient    text collate "C" not null,
  consent    int8 not null,
  low        int8 not null,
  high       int8 not null,
  depth      int2 not null,
  permit     bool not null,
  path       text not null,
  -- Who asks, to do what, why: `Practitioner/1`, codes of consentaction, purposes of use.
  actors     text[] collate "C",
  actions    text[] collate "C",
  purposes   text[] collate "C",
  -- Which resources: numbers of types, URLs of profiles, `system|code`, and `type number/id`.
  types      int2[],
  profiles   text[] collate "C",
  documents  text[] collate "C",
  codes      text[] collate "C",
  labels     text[] collate "C",
  instances  text[] collate "C",
  related    text[] collate "C",
  dependents text[] collate "C",
  authors    text[] collate "C",
  data_low   int8,
  data_high  int8
);
create index consent_rule_by_patient on consent_rule (tenant_id, patient);
create index consent_rule_by_consent on consent_rule (tenant_id, consent);

-- An override of consent for one patient by one account, with its reason. It is open until `until`, or until it is closed.
create table break_glass (
  tenant_id int4 not null,
  override  uuid not null default gen_random_uuid(),
  patient   text collate "C" not null,
  subject   text collate "C" not null,
  reason    text not null,
  opened    timestamptz not null default clock_timestamp(),
  until     timestamptz not null,
  closed    timestamptz,
  primary key (tenant_id, override)
);
create index break_glass_open on break_glass (tenant_id, subject, until) where closed is null;

do $$
declare
  name text;
begin
  foreach name in array array['consent_rule', 'break_glass'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy tenant on %I to makhbar_app
      using (tenant_id = nullif(current_setting(''makhbar.tenant'', true), '''')::int4)', name);
  end loop;
end
$$;
grant select, insert, delete on consent_rule to makhbar_app;
grant select, insert, update (closed) on break_glass to makhbar_app;

-- What was stored before is put in force by a reindex of type 28, Consent. The owner of a table whose row level security is
-- forced sees nothing in it.
alter table resource no force row level security;
insert into job (tenant_id, kind, input)
select distinct tenant_id, 'reindex', '{"types": ["Consent"]}'::jsonb from resource where type = 28 and not deleted;
alter table resource force row level security;
