-- What a scorer says of some samples.
-- grain: one row per sample
-- params: scorer_id (integer), ids (list of integer) - ascending
select
    sample_id,
    value
from sample_score
where scorer_id = $scorer_id
    and sample_id between list_min($ids) and list_max($ids)
    and sample_id in (select unnest($ids))
order by sample_id
