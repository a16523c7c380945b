-- The sample of every exposure that led to one head, up to a step.
-- grain: one row per exposure
-- params: run_id (integer), head (integer) - an attempt, step (integer)
select
    sample_id,
    contributed
from reached
where run_id = $run_id and head = $head and step <= $step
