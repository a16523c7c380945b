-- Retired samples that still have their text.
-- grain: one row per sample
select r.sample_id
from retired as r
anti join purge as p on p.sample_id = r.sample_id
order by r.sample_id
