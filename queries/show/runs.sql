-- Every run: what led to its newest model, and how much of that is recorded.
-- grain: one row per run, newest first
select
    r.name,
    r.model,
    p.name as parent,
    s.snapshots,
    r.started_at,
    r.finished_at,
    coalesce(a.attempts, 0) as attempts,
    coalesce(c.last_step, 0) as last_step,
    c.recorded_steps / nullif(c.steps, 0) as coverage,
    coalesce(c.exposures, 0) as exposures
from run as r
left join run as p on p.run_id = r.parent_run_id
left join (
    select
        run_id,
        string_agg(reference, ', ' order by position) as snapshots
    from run_snapshot
    group by run_id
) as s on s.run_id = r.run_id
left join (
    select
        run_id,
        count(*) as attempts
    from attempt
    group by run_id
) as a on a.run_id = r.run_id
left join head as h on h.run_id = r.run_id
left join run_coverage as c on c.run_id = r.run_id and c.attempt = h.attempt
order by r.started_at desc, r.name
