-- Snapshots that runs were trained on and that are not in the catalog. Must return no row.
-- grain: one row per (run, snapshot) that breaks the rule
-- mend: restore a backup that is whole (catalog restore DIR --home NEW)
select
    u.run_id,
    u.reference,
    u.snapshot_id
from run_snapshot as u
left join snapshot as s on s.snapshot_id = u.snapshot_id
where u.snapshot_id is not null
    and (s.snapshot_id is null or s.deleted_at is not null or s.digest != u.digest)
order by u.run_id, u.position
