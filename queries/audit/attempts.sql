-- The attempts of one run.
-- grain: one row per attempt
-- params: run_id (integer)
select
    attempt,
    parent_attempt,
    parent_step,
    assumed,
    world_size,
    started_at
from attempt
where run_id = $run_id
order by attempt
