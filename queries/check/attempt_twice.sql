-- Attempts that the catalog holds more than once, or whose coverage it holds more than once. Must return no row.
-- grain: one row per (table, run, attempt) that breaks the rule
-- mend: take the ledgers in again (catalog runs import --anew)
with held as (
    select 'attempt' as table_name, run_id, attempt from attempt
    union all
    select 'run_coverage' as table_name, run_id, attempt from run_coverage
)
select
    table_name,
    run_id,
    attempt,
    count(*) as rows
from held
group by table_name, run_id, attempt
having count(*) > 1
order by table_name, run_id, attempt
