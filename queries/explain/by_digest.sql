-- What the snapshots that hold the same members in the same order are called.
-- grain: one row per snapshot
-- params: digest (text)
select
    name || '@' || version as snapshot,
    snapshot_id
from snapshot
where digest = $digest and deleted_at is null
order by snapshot_id
