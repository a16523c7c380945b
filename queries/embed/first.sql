-- The conversations of the first samples of the pool.
-- grain: one row per sample
-- params: size (integer)
select
    s.sample_id,
    s.messages
from sample as s
anti join retired as r on r.sample_id = s.sample_id
order by s.sample_id
limit $size
