-- The samples that a space should have vectors of.
-- grain: one row per sample in the pool
select s.sample_id
from sample as s
anti join retired as r on r.sample_id = s.sample_id
order by s.sample_id
