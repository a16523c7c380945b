-- Optimizer steps that the catalog holds more than once of one process. Must return no row.
-- grain: one row per (run, attempt, rank, step) that breaks the rule
-- mend: restore a backup that is whole (catalog restore DIR --home NEW)
select
    run_id,
    attempt,
    rank,
    step,
    count(*) as rows
from training_step
group by run_id, attempt, rank, step
having count(*) > 1
order by run_id, attempt, rank, step
