-- The steps that are recorded of each attempt of a run: the first of any kind, the last that is told.
-- grain: one row per attempt that left something
-- params: run_id (integer)
select
    attempt,
    coalesce(min(first_step), 0) as first_step,
    coalesce(max(last_step), 0) as last_step
from (
    select
        attempt,
        min(step) as first_step,
        max(step) as last_step
    from exposure
    where run_id = $run_id
    group by attempt
    union all
    select
        attempt,
        min(step) as first_step,
        max(step) as last_step
    from training_step
    where run_id = $run_id
    group by attempt
    union all
    select
        attempt,
        min(first_step) as first_step,
        max(last_step) as last_step
    from lost_exposure
    where run_id = $run_id
    group by attempt
    union all
    select
        attempt,
        null as first_step,
        max(step) as last_step
    from checkpoint
    where run_id = $run_id
    group by attempt
) as told
group by attempt
having min(first_step) is not null
order by attempt
