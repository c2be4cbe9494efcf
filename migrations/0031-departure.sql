-- Laboratories that leave, and those that have left: what of them remains. Not a table of the laboratory: it outlives it.
-- Closed to makhbar_app (src/store/departures.ts).
create table departure (
  -- tenant.tenant_id, which is never given again.
  laboratory  int4 primary key,
  name        text collate "C" not null,
  asked       timestamptz not null default clock_timestamp(),
  asked_by    text not null,
  -- The last moment in which it can be cancelled and everything be taken.
  window_ends timestamptz not null,
  -- For how many days that were left the last reminder was.
  reminded    int4,
  state       text not null default 'announced' check (state in ('announced', 'deleting', 'deleted')),
  -- Counts of rows and files when the deletion began.
  before      jsonb,
  -- The certificate as it was signed, and its signature.
  certificate text,
  signature   text
);
create index departure_by_name on departure (name);
