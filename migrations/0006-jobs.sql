-- Background jobs, and what makes a laboratory's own search parameters complete before they answer.

-- One row a job. Everything a job has done so far is in `cursor`, so that any process can go on with it. `lease` names
-- the process at work until `run_at`; a job whose lease ran out is due again. Finished jobs stay for a while as the
-- record of what was done. Jobs are claimed across tenants by the login role, and asked for, worked on and read within
-- a tenant by makhbar_app.
create table job (
  tenant_id int4 not null,
  job_id    uuid not null default gen_random_uuid(),
  kind      text not null,
  input     jsonb not null default '{}',
  state     text not null default 'queued' check (state in ('queued', 'active', 'done', 'failed')),
  cursor    jsonb,
  done      int8 not null default 0,
  total     int8,
  -- Failures in a row; the last one as a sentence.
  attempts  int4 not null default 0,
  error     text,
  run_at    timestamptz not null default clock_timestamp(),
  lease     uuid,
  -- When the job last got its turn: tenants take turns.
  served    timestamptz,
  created   timestamptz not null default clock_timestamp(),
  finished  timestamptz,
  primary key (tenant_id, job_id)
);
create index job_due on job (run_at) where state in ('queued', 'active');
-- The same work is asked for once while it has not begun.
create unique index job_queued on job (tenant_id, kind, input) where state = 'queued' and cursor is null;

-- revision counts the changes of a tenant's SearchParameters; each write names the one that its index rows were made by.
-- Writes by a revision below `closed` are refused.
create table search_state (
  tenant_id int4 primary key,
  revision  int4 not null default 0,
  closed    int4 not null default 0,
  changed   timestamptz not null default clock_timestamp()
);

-- The parameters besides those of R4 whose index rows are complete: only these answer searches.
create table search_indexed (
  tenant_id int4 not null,
  source    text collate "C" not null,
  primary key (tenant_id, source)
);

-- Resources written by an older revision while a newer one was already in force; the reindex job does them again.
create table search_stale (
  tenant_id int4 not null,
  rid       int8 not null,
  primary key (tenant_id, rid)
);

do $$
declare
  name text;
begin
  foreach name in array array['job', 'search_state', 'search_indexed', 'search_stale'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy tenant on %I to makhbar_app
      using (tenant_id = nullif(current_setting(''makhbar.tenant'', true), '''')::int4)', name);
    execute format('grant select, insert, update, delete on %I to makhbar_app', name);
  end loop;
end
$$;
create policy operator on job using (current_user <> 'makhbar_app');

-- Called by each write with the revision of its index rows; gives the revision in force.
--
-- The shared lock on (tenant, given) is how a reindex waits for writes by older revisions without holding up any: it
-- looks for such locks until there are none. The revision is read after the lock is held and, being in a volatile
-- function, by a snapshot of its own: whoever is not seen by the reindex sees the new revision. A transaction that keeps
-- one snapshot would see the old one; the lock on the row makes it fail and be run again.
create function indexing_revision(tenant int4, given int4) returns int4
language plpgsql volatile as $$
declare
  current_revision int4;
  oldest int4;
begin
  perform pg_advisory_xact_lock_shared(tenant, given);
  if current_setting('transaction_isolation') <> 'read committed' then
    insert into search_state (tenant_id) values (tenant) on conflict do nothing;
    perform from search_state where tenant_id = tenant for share;
  end if;
  select revision, closed into current_revision, oldest from search_state where tenant_id = tenant;
  if given < oldest then
    raise exception 'The search parameters changed while the write was under way.' using errcode = '40001';
  end if;
  return coalesce(current_revision, 0);
end
$$;
