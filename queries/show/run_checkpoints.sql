-- The checkpoints that a run told of.
-- grain: one row per (attempt, step, path)
-- params: run_id (integer)
select
    attempt,
    step,
    path
from checkpoint
where run_id = $run_id
group by
    attempt,
    step,
    path
order by
    attempt,
    step,
    path
