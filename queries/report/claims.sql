-- What the processes of a run's attempts said when they began.
-- grain: one row per attempt
-- params: run_id (integer)
select
    attempt,
    manifest
from attempt
where run_id = $run_id
order by attempt
