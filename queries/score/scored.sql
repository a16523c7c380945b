-- The samples that a scorer has scored.
-- grain: one row per sample
-- params: scorer_id (integer)
select sample_id
from sample_score
where scorer_id = $scorer_id
order by sample_id
