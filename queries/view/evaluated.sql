-- What the models of runs scored; of several files that tell the same the one taken in last counts.
-- grain: one row per (run, step, benchmark, metric, settings)
select
    r.name as run,
    r.model,
    s.snapshots,
    e.step,
    e.benchmark,
    e.metric,
    arg_max(e.value, e.change_id) as value,
    arg_max({'stderr': e.stderr}, e.change_id).stderr as stderr,
    e.settings,
    arg_max(e.file, e.change_id) as file,
    arg_max(e.digest, e.change_id) as digest
from evaluation as e
join run as r on r.run_id = e.run_id
left join (
    select
        run_id,
        string_agg(reference, ', ' order by position) as snapshots
    from run_snapshot
    group by run_id
) as s on s.run_id = e.run_id
group by all
