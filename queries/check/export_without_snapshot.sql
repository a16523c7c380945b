-- Exports of snapshots that the catalog never had. Must return no row.
-- grain: one row per export that breaks the rule
-- mend: restore a backup that is whole (catalog restore DIR --home NEW)
select
    e.export_id,
    e.path
from export as e
anti join snapshot as s on s.snapshot_id = e.snapshot_id
order by e.export_id, e.path
