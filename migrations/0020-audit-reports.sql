-- Sign-ins that failed name no agent, only the name that was tried: few of many events, which a report on a user finds
-- among the others of the period.
create index audit_event_by_failed_sign_in on audit_event (tenant_id, time) where kind = 31;
