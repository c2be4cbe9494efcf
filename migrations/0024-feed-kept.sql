-- Syslog has no acknowledgement: what was last counted as taken is sent again, once, where the next exchange fails. The cursor
-- as it was before that; none where there is nothing to send again.
alter table audit_feed add column kept_transaction int8, add column kept_event uuid;
