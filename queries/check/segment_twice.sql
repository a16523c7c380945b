-- Segments of ledgers that the catalog holds more than once. Must return no row.
-- grain: one row per segment that breaks the rule
-- mend: restore a backup that is whole (catalog restore DIR --home NEW)
select
    run_id,
    name,
    count(*) as rows
from ledger_segment
group by run_id, name
having count(*) > 1
order by run_id, name
