-- What a run's models scored.
-- grain: one row per (step, benchmark, metric, settings)
-- params: run (text)
select
    step,
    benchmark,
    metric,
    value,
    stderr,
    settings,
    file
from evaluated
where run = $run
order by
    step nulls last,
    benchmark,
    metric,
    settings
