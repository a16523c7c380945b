-- How long every sample of the pool is, for reading it in pieces of like size.
-- grain: one row per sample in the pool
select
    s.sample_id,
    s.characters
from sample as s
anti join retired as r on r.sample_id = s.sample_id
order by s.sample_id
