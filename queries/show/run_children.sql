-- The runs that tuned a run's model further.
-- grain: one row per run
-- params: run_id (integer)
select
    name as run,
    parent_step as step,
    model,
    started_at,
    finished_at
from run
where parent_run_id = $run_id
order by run_id
