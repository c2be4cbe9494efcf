-- What an interface was told of a resource, asked when that is withdrawn (src/store/outbox.ts).
create index message_told on message (tenant_id, interface, source) where direction = 'out' and source is not null;
