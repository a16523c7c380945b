-- Snapshot members whose sample is not in the catalog. Must return no row.
-- grain: one row per (snapshot, sample) that breaks the rule
-- mend: restore a backup that is whole (catalog restore DIR --home NEW)
select
    m.snapshot_id,
    m.sample_id
from snapshot_member as m
anti join sample as s on s.sample_id = m.sample_id
order by m.snapshot_id, m.sample_id
