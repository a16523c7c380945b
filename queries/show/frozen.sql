-- What every snapshot was frozen as.
-- grain: one row per snapshot
select
    snapshot_id,
    name || '@' || version as snapshot,
    size,
    digest
from snapshot
where deleted_at is null
order by snapshot_id
