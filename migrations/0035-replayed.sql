-- A message that waited for somebody and was applied then is told from one that was applied as it came.
alter table message drop constraint message_status_check;
alter table message add constraint message_status_check
  check (status in ('received', 'stored', 'applied', 'replayed', 'rejected', 'failed', 'queued', 'accepted', 'sent'));
