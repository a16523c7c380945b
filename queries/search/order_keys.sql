-- The keys that break ties between some samples.
-- grain: one row per sample
-- params: ids (list of integer)
select
    sample_id,
    order_key
from sample
where sample_id in (
    select unnest($ids::bigint[])
)
order by sample_id
