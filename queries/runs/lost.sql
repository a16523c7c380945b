-- What a trainer could not log.
-- grain: one row per stretch of steps of a rank
-- params: run_id (integer), attempt (integer), rank (integer)
-- needs: logged (first_step, last_step, exposures, reason)
select
    $run_id as run_id,
    $attempt as attempt,
    $rank as rank,
    first_step,
    last_step,
    exposures,
    reason
from logged
