-- The samples that should have a text.
-- grain: one row per sample, in order
select s.sample_id
from sample as s
anti join purge as p on p.sample_id = s.sample_id
order by s.sample_id
