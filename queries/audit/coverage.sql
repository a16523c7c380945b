-- How much of runs is recorded, up to their newest model or to any attempt's end.
-- grain: one row per (run, attempt), or one for a run without a ledger
select
    run_id,
    run,
    attempt,
    newest,
    last_step,
    steps,
    recorded_steps,
    exposures,
    ranks_missing,
    damaged_segments,
    lost_exposures
from coverage
order by run, attempt
