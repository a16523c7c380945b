-- Retired samples that still have their text, of those chosen.
-- grain: one row per sample
-- needs: chosen (sample_id)
select c.sample_id
from chosen as c
semi join retired as r on r.sample_id = c.sample_id
anti join purge as p on p.sample_id = c.sample_id
order by c.sample_id
