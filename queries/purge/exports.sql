-- Exports of snapshots that hold chosen samples: the catalog cannot reach these files.
-- grain: one row per export
-- needs: chosen (sample_id)
select
    s.name || '@' || s.version as snapshot,
    e.format,
    e.path,
    e.exported_at
from export as e
join snapshot as s on s.snapshot_id = e.snapshot_id
where e.snapshot_id in (
    select m.snapshot_id
    from snapshot_member as m
    semi join chosen as c on c.sample_id = m.sample_id
)
order by e.path, e.exported_at, e.export_id
