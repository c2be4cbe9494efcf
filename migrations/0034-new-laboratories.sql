-- A laboratory that came after the last ANALYZE has, for the planner, one row in each table: chained searches were planned
-- as loops in loops (a count among 250 resources took 4 s; 200 random searches 15 s, after ANALYZE 5). With the default,
-- 10 % of a table must change before it is looked at again, and one laboratory among fifty never is that much. ANALYZE
-- reads 30,000 rows, however large the table.
do $$
declare
  name text;
begin
  foreach name in array array['resource', 'resource_version', 'contained', 'search_date', 'search_quantity', 'search_reference',
    'search_string', 'search_token']
  loop
    execute format('alter table %I set (autovacuum_analyze_threshold = 500, autovacuum_analyze_scale_factor = 0.005)', name);
  end loop;
end $$;
