-- Logged steps.
-- grain: one row per step of a rank
-- params: run_id (integer), attempt (integer), rank (integer)
-- needs: logged (step, exposures, applied, reason, digest)
select
    $run_id as run_id,
    $attempt as attempt,
    $rank as rank,
    step,
    exposures,
    applied,
    reason,
    digest
from logged
