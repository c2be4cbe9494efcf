-- What messages that are still to be applied are about, and local codes of messages.

-- Hashes of the identifiers by which the resources of the message are found: several processes apply what is about the same
-- in the order in which it came. Null where it may be about anything, and once it is applied.
alter table message add column about int8[];
grant update (about) on message to makhbar_app;
create index message_received on message (tenant_id, interface, sequence) where status = 'received' and direction = 'in';

-- Messages with local codes that no ConceptMap maps.
create index message_unmapped on message (tenant_id, id) where problems @> '[{"unmapped": {}}]';
