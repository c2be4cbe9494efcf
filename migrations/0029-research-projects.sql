-- Projects of research and statistics for which a laboratory gives out data without names ($export-deidentified).

create table research_project (
  tenant_id   int4 not null,
  project_id  uuid not null,
  name        text collate "C" not null,
  -- What it is for, and on what ground.
  purpose     text not null,
  -- Dates are shifted by a number of days of each patient, or only their year is left.
  dates       text not null check (dates in ('shift', 'year')),
  -- What fewer patients than this share is not said of any.
  least       int4 not null check (least between 2 and 1000),
  -- The key of its pseudonyms, encrypted with the laboratory's; null once it was destroyed: nobody can tell any more which
  -- pseudonym is whose.
  sealed      bytea,
  created     timestamptz not null default clock_timestamp(),
  created_by  text not null,
  ended       timestamptz,
  ended_by    text,
  primary key (tenant_id, project_id),
  unique (tenant_id, name),
  check ((sealed is null) = (ended is not null))
);

-- What a de-identified export says of itself: the areas that are common enough, and how alike patients are in it.
alter table bulk_export add column report jsonb;

alter table research_project enable row level security;
alter table research_project force row level security;
create policy tenant on research_project to makhbar_app
  using (tenant_id = nullif(current_setting('makhbar.tenant', true), '')::int4);
grant select, insert, update on research_project to makhbar_app;
