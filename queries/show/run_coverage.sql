-- How much is recorded of what led to a run's newest model.
-- grain: at most one row
-- params: run_id (integer)
select
    c.attempt,
    c.last_step,
    c.steps,
    c.recorded_steps,
    c.recorded_steps / nullif(c.steps, 0) as coverage,
    c.exposures,
    c.ranks_missing,
    c.damaged_segments,
    c.lost_exposures
from run_coverage as c
join head as h on h.run_id = c.run_id and h.attempt = c.attempt
where c.run_id = $run_id
order by c.attempt
