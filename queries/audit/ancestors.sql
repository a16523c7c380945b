-- What one run was tuned from, nearest first.
-- grain: one row per ancestor
-- params: run_id (integer)
select
    ancestor_id as run_id,
    ancestor as run,
    generation,
    attempt,
    step
from lineage
where run_id = $run_id
order by generation, ancestor
