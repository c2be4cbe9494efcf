-- What was done under an emergency override, and the opening and closing of overrides (kinds 40 and 41): few of many
-- events, and the first that an auditor asks for. The text is that of src/search/audit-token.ts.
create index audit_event_by_emergency on audit_event (tenant_id, time desc, id desc)
  where (detail -> 'purposes' ? 'BTG' or kind in (40, 41));
