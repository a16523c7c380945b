-- How much of each run is recorded, up to the end of each of its attempts.
-- grain: one row per (run, attempt); one for a run without any ledger, whose attempt is null
select
    r.run_id,
    r.name as run,
    c.attempt,
    coalesce(c.attempt = h.attempt, false) as newest,
    c.last_step,
    c.steps,
    c.recorded_steps,
    c.exposures,
    c.ranks_missing,
    c.damaged_segments,
    c.lost_exposures,
    100.0 * c.recorded_steps / nullif(c.steps, 0) as percent
from run as r
left join run_coverage as c on c.run_id = r.run_id
left join head as h on h.run_id = r.run_id
