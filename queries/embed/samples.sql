-- The conversations of some samples.
-- grain: one row per sample
-- params: ids (list of integer) - ascending
select
    sample_id as id,
    messages
from sample
where sample_id between list_min($ids) and list_max($ids)
    and sample_id in (select unnest($ids))
order by sample_id
