-- The samples that a selection may choose from: all that are not retired.
-- grain: one row per sample
select s.*
from stock as s
anti join retired as r on r.sample_id = s.sample_id
