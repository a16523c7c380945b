-- Samples that a trainer left out.
-- grain: one row per sample and reason
-- params: run_id (integer)
-- needs: logged (attempt, sample_id, reason)
select
    $run_id as run_id,
    attempt,
    sample_id,
    reason
from logged
