-- The attempts of a run, and how much is recorded of what led to the end of each.
-- grain: one row per attempt
-- params: run_id (integer)
select
    a.attempt,
    a.parent_attempt,
    a.parent_step,
    a.assumed,
    a.world_size,
    a.started_at,
    c.last_step,
    c.steps,
    c.recorded_steps,
    c.exposures,
    c.ranks_missing,
    c.damaged_segments,
    c.lost_exposures
from attempt as a
left join run_coverage as c on c.run_id = a.run_id and c.attempt = a.attempt
where a.run_id = $run_id
order by a.attempt
