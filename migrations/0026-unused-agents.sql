-- Since when no event of the log has an agent. It goes some days later, where it was not used again: a process may have
-- looked its number up before it was marked, and store an event with it (src/store/audit-agents.ts).
alter table audit_agent add column unused timestamptz;
grant update (unused) on audit_agent to makhbar_app;
