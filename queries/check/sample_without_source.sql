-- Samples that say they came from another source than the one that brought them. Must return no row.
-- grain: one row per sample that breaks the rule
-- mend: restore a backup that is whole (catalog restore DIR --home NEW)
select
    s.sample_id,
    s.source_id
from sample as s
anti join sample_source as a
    on a.sample_id = s.sample_id and a.source_id = s.source_id and not a.repeated
order by s.sample_id
