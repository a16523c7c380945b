-- Every run and how much of it is recorded.
-- grain: one row per run, newest first
select
    r.name,
    r.model,
    s.snapshots,
    r.started_at,
    coalesce(e.attempts, 0) as attempts,
    coalesce(e.last_step, 0) as last_step,
    coalesce(e.exposures, 0) as exposures,
    coalesce(e.samples, 0) as samples
from run as r
left join (
    select
        run_id,
        string_agg(reference, ', ' order by position) as snapshots
    from run_snapshot
    group by run_id
) as s on s.run_id = r.run_id
left join (
    select
        x.run_id,
        count(distinct x.attempt) as attempts,
        max(x.step) as last_step,
        count(*) as exposures,
        count(distinct x.sample_id) as samples
    from exposure as x
    group by x.run_id
) as e on e.run_id = r.run_id
order by r.started_at desc, r.name
