-- The segments of a run's ledger that are damaged or missing.
-- grain: one row per segment, or per gap in their numbers
-- params: run_id (integer)
select
    name,
    attempt,
    rank,
    rows,
    problem
from ledger_segment
where run_id = $run_id
    and problem is not null
order by name
