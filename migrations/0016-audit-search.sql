-- What was done under an emergency override, and the opening and closing of overrides (kinds 40 and 41): few of many
-- events, and the first that an auditor asks for. The text is that of src/search/audit-token.ts.
create index audit_event_by_emergency on audit_event (tenant_id, time desc, id desc)
  where (detail -> 'purposes' ? 'BTG' or kind in (40, 41));

-- Sign-ins, tokens, refusals, changes of rights and settings: a tenth of the events, and some kinds once a year.
create index audit_event_by_kind on audit_event (tenant_id, kind, time) where kind >= 30;

-- The order of events in these indexes is that of time alone, upwards: half the bytes an event of what id and `desc` took,
-- because ends of ranges are split where they grow, and equal times are sorted when they are read.
drop index audit_event_by_patient;
create index audit_event_by_patient on audit_event (tenant_id, patient, time) where patient is not null;
drop index audit_event_by_agent;
create index audit_event_by_agent on audit_event (tenant_id, agent, time);
drop index audit_event_by_entity;
create index audit_event_by_entity on audit_event (tenant_id, entity_id, time) where entity_id is not null;

-- For the order of the seals; the events of a transaction are read together and sorted by id then (store/audit-read.ts).
drop index audit_event_by_transaction;
create index audit_event_by_transaction on audit_event (tenant_id, transaction);

-- All events of one X-Request-Id, two bytes an event: which parts of the log may have it.
create index audit_event_by_request on audit_event using brin (request text_bloom_ops)
  with (pages_per_range = 64, autosummarize = on);
