-- OpenID provider and SMART App Launch: clients, the provider's state, launch contexts.

-- The applications of a laboratory. A secret is stored only as SHA-256 (it has 256 random bits; a slow hash would add
-- nothing). `scopes` is what the application may ask for at most; `metadata` holds redirect URIs, keys and the like.
create table client (
  tenant_id   int4 not null,
  client_id   text collate "C" not null,
  kind        text not null check (kind in ('public', 'confidential', 'asymmetric', 'backend', 'launcher')),
  name        text not null,
  scopes      text not null,
  metadata    jsonb not null default '{}',
  secret_hash bytea,
  status      text not null default 'active' check (status in ('active', 'revoked')),
  created     timestamptz not null default clock_timestamp(),
  created_by  text not null,
  changed     timestamptz not null default clock_timestamp(),
  primary key (tenant_id, client_id)
);

-- What the provider must remember: sessions, interactions, grants, codes, tokens, used assertions. `id` is the SHA-256 of
-- the value that the browser or the application holds; the value itself is nowhere. `grant_id` is the id of the row of
-- kind Grant that a code or token belongs to. `context` is ours: of a Grant its launch context and the strength of the
-- sign-in, of an Interaction what the person has chosen so far.
create table openid_state (
  tenant_id   int4 not null,
  kind        text not null,
  id          bytea not null,
  payload     jsonb not null,
  grant_id    bytea,
  uid         text,
  session_uid text,
  account_id  text,
  client_id   text,
  context     jsonb,
  consumed    timestamptz,
  created     timestamptz not null default clock_timestamp(),
  expires     timestamptz not null,
  primary key (tenant_id, kind, id)
);
create index openid_state_by_grant on openid_state (tenant_id, grant_id) where grant_id is not null;
create index openid_state_by_uid on openid_state (tenant_id, uid) where uid is not null;
create index openid_state_by_session on openid_state (tenant_id, session_uid) where session_uid is not null;
create index openid_state_by_account on openid_state (tenant_id, account_id) where account_id is not null;
create index openid_state_by_expiry on openid_state (tenant_id, expires);

-- Launch contexts that an EMR made; each is used once, within minutes.
create table launch (
  tenant_id int4 not null,
  id        bytea not null,
  -- The only application that may use it; null = any.
  client_id text,
  made_by   text not null,
  context   jsonb not null,
  used      timestamptz,
  created   timestamptz not null default clock_timestamp(),
  expires   timestamptz not null,
  primary key (tenant_id, id)
);
create index launch_by_expiry on launch (tenant_id, expires);

-- What apps keep here for themselves (SMART app state), apart from the laboratory's own data: a Basic resource each, of a
-- code whose system is the app's own, about a patient, a user or nobody (subject = '').
create table app_state (
  tenant_id int4 not null,
  state_id  uuid not null,
  system    text not null,
  code      text not null,
  subject   text not null,
  ver       int4 not null default 1,
  -- As sent, less id and meta: exact.
  content   text not null,
  made_by   text not null,
  changed   timestamptz not null default clock_timestamp(),
  primary key (tenant_id, state_id)
);
create index app_state_by_code on app_state (tenant_id, system, code, subject);

do $$
declare
  name text;
begin
  foreach name in array array['client', 'openid_state', 'launch', 'app_state'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy tenant on %I to makhbar_app
      using (tenant_id = nullif(current_setting(''makhbar.tenant'', true), '''')::int4)', name);
  end loop;
end
$$;
grant select, insert, update on client to makhbar_app;
grant select, insert, update, delete on openid_state to makhbar_app;
grant select, insert, update, delete on launch to makhbar_app;
grant select, insert, update, delete on app_state to makhbar_app;
