-- The documents that were made of reports: one for each content and form, with the digest of the code that stands on it.
-- `content` is the digest of what the report told, so that the same is made once; `rid` is the DiagnosticReport.
create table report_document (
  tenant_id   int4 not null,
  code_digest bytea not null,
  rid         int8 not null,
  report      text collate "C" not null,
  content     bytea not null,
  form        text collate "C" not null,
  binary_id   text collate "C" not null,
  document_id text collate "C" not null,
  sha256      text collate "C" not null,
  status      text collate "C" not null,
  made        timestamptz not null,
  primary key (tenant_id, code_digest)
);
create unique index report_document_by_form on report_document (tenant_id, rid, form, content);

alter table report_document enable row level security;
alter table report_document force row level security;
create policy tenant on report_document to makhbar_app
  using (tenant_id = nullif(current_setting('makhbar.tenant', true), '')::int4);
grant select, insert, delete on report_document to makhbar_app;
