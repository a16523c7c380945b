-- Those of some samples that are in the pool, with the keys that break ties.
-- grain: one row per sample
-- params: ids (list of integer)
select
    s.sample_id,
    s.order_key
from sample as s
anti join retired as r on r.sample_id = s.sample_id
where s.sample_id in (
    select unnest($ids::bigint[])
)
order by s.sample_id
