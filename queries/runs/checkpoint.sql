-- Logged checkpoints.
-- grain: one row per checkpoint of a rank
-- params: run_id (integer)
-- needs: logged (attempt, step, path)
select
    $run_id as run_id,
    attempt,
    step,
    path
from logged
order by
    attempt,
    step,
    path
