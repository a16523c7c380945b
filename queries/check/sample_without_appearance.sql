-- Samples that came from nowhere. Must return no row.
-- grain: one row per sample that breaks the rule
-- mend: ingest its file again (catalog ingest), or restore a backup that is whole (catalog restore DIR --home NEW)
select s.sample_id
from sample as s
anti join sample_source as a on a.sample_id = s.sample_id
order by s.sample_id
