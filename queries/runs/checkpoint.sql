-- Logged checkpoints.
-- grain: one row per checkpoint of a rank
-- params: run_id (integer), attempt (integer)
-- needs: logged (step, path)
select
    $run_id as run_id,
    $attempt as attempt,
    step,
    path
from logged
