-- Runs of one name, or of one key. Must return no row.
-- grain: one row per run that breaks the rule
-- mend: restore a backup that is whole (catalog restore DIR --home NEW)
select
    run_id,
    name
from run
qualify count(*) over (partition by name) > 1 or count(*) over (partition by run_id) > 1
order by name, run_id
