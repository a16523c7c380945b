-- Logged steps.
-- grain: one row per step of a rank
-- params: run_id (integer)
-- needs: logged (attempt, rank, step, exposures, applied, reason, digest)
select
    $run_id as run_id,
    attempt,
    rank,
    step,
    exposures,
    applied,
    reason,
    digest
from logged
order by
    attempt,
    step,
    rank
