-- The samples to search among, with the keys that break ties.
-- grain: one row per sample in the pool
select
    s.sample_id,
    s.order_key
from sample as s
anti join retired as r on r.sample_id = s.sample_id
order by s.sample_id
