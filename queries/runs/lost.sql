-- What a trainer could not log.
-- grain: one row per stretch of steps of a rank
-- params: run_id (integer)
-- needs: logged (attempt, rank, first_step, last_step, exposures, reason)
select
    $run_id as run_id,
    attempt,
    rank,
    first_step,
    last_step,
    exposures,
    reason
from logged
order by
    attempt,
    rank,
    first_step
