-- The people of a laboratory who sign in: accounts, the roles they hold, what proves who they are, and the tickets and
-- counters round that. Nothing here is a secret in the clear: passwords are argon2id hashes, tickets, challenges and
-- recovery codes SHA-256 of random values, secrets of one-time codes encrypted with the laboratory's data key.

-- Accounts are disabled, never deleted: who did what must stay answerable.
create table account (
  tenant_id    int4 not null,
  account_id   uuid not null,
  -- In NFKC and lower case (src/identity/username.ts).
  username     text collate "C" not null,
  display      text not null,
  email        text,
  -- Practitioner/…, PractitionerRole/…, Patient/…, RelatedPerson/…, Person/…
  fhir_user    text,
  status       text not null default 'invited' check (status in ('invited', 'active', 'disabled')),
  -- With its parameters: $argon2id$v=19$m=…,t=…,p=…$salt$hash
  password     text,
  password_set timestamptz,
  last_sign_in timestamptz,
  created      timestamptz not null,
  -- An account, or `operator`.
  created_by   text not null,
  disabled     timestamptz,
  primary key (tenant_id, account_id),
  unique (tenant_id, username)
);

create table account_role (
  tenant_id  int4 not null,
  account_id uuid not null,
  role       text collate "C" not null,
  since      timestamptz not null,
  granted_by text not null,
  -- To the minute: a row is written at most once in one.
  last_used  timestamptz,
  primary key (tenant_id, account_id, role),
  foreign key (tenant_id, account_id) references account
);
create index account_role_holders on account_role (tenant_id, role);

-- Roles of a laboratory's own, and shipped ones that it changed (src/access/roles.ts).
create table role (
  tenant_id  int4 not null,
  name       text collate "C" not null,
  definition jsonb not null,
  changed    timestamptz not null,
  changed_by text not null,
  primary key (tenant_id, name)
);

create table account_factor (
  tenant_id     int4 not null,
  account_id    uuid not null,
  factor_id     uuid not null,
  kind          text not null check (kind in ('totp', 'passkey')),
  label         text not null,
  -- One-time codes: the encrypted secret with the id of the key that opens it, and the last time step that was used.
  secret        bytea,
  key_id        uuid,
  step          int8,
  -- Passkeys (https://www.w3.org/TR/webauthn-2/#credential-record).
  credential    bytea,
  public_key    bytea,
  counter       int8,
  transports    text[],
  created       timestamptz not null,
  -- Null until a first code has shown that it works.
  confirmed     timestamptz,
  last_used     timestamptz,
  primary key (tenant_id, account_id, factor_id),
  foreign key (tenant_id, account_id) references account
);
create unique index account_factor_credential on account_factor (tenant_id, credential) where credential is not null;

-- Recovery codes: used once each.
create table account_recovery (
  tenant_id  int4 not null,
  account_id uuid not null,
  hash       bytea not null,
  created    timestamptz not null,
  used       timestamptz,
  primary key (tenant_id, account_id, hash),
  foreign key (tenant_id, account_id) references account
);

-- Links that an administrator hands over: to accept an invitation, to set a new password.
create table account_ticket (
  tenant_id  int4 not null,
  hash       bytea not null,
  account_id uuid not null,
  kind       text not null check (kind in ('invitation', 'reset')),
  created    timestamptz not null,
  created_by text not null,
  expires    timestamptz not null,
  primary key (tenant_id, hash),
  foreign key (tenant_id, account_id) references account
);
create index account_ticket_account on account_ticket (tenant_id, account_id);

-- Challenges of passkeys that were asked and not yet answered.
create table account_challenge (
  tenant_id  int4 not null,
  hash       bytea not null,
  account_id uuid not null,
  purpose    text not null check (purpose in ('enrol', 'verify')),
  expires    timestamptz not null,
  primary key (tenant_id, hash),
  foreign key (tenant_id, account_id) references account
);
create index account_challenge_account on account_challenge (tenant_id, account_id);

-- Failures in a row by account name, address or second factor; the key is a hash, so that a made-up name leaves no more
-- than a real one. Each try is counted before its password is looked at, so that tries at once cannot outrun the count.
create table sign_in_attempt (
  tenant_id int4 not null,
  key       bytea not null,
  failures  int4 not null default 0,
  -- Refused until then.
  until     timestamptz,
  last      timestamptz not null,
  primary key (tenant_id, key)
);
create index sign_in_attempt_last on sign_in_attempt (tenant_id, last);

do $$
declare
  name text;
begin
  foreach name in array array['account', 'account_role', 'role', 'account_factor', 'account_recovery', 'account_ticket',
      'account_challenge', 'sign_in_attempt'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy tenant on %I to makhbar_app
      using (tenant_id = nullif(current_setting(''makhbar.tenant'', true), '''')::int4)', name);
    execute format('grant select, insert on %I to makhbar_app', name);
  end loop;
  foreach name in array array['role', 'account_factor', 'account_recovery', 'account_ticket', 'account_challenge',
      'sign_in_attempt'] loop
    execute format('grant update, delete on %I to makhbar_app', name);
  end loop;
end
$$;
grant update (display, email, fhir_user, status, password, password_set, last_sign_in, disabled) on account to makhbar_app;
grant update (last_used), delete on account_role to makhbar_app;
