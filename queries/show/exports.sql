-- Where a snapshot was written to, each place with what was written there last.
-- grain: one row per (format, path)
-- params: snapshot_id (integer)
select
    format,
    path,
    rows,
    exported_at
from export
where snapshot_id = $snapshot_id
qualify row_number() over (partition by format, path order by export_id desc) = 1
order by export_id desc
