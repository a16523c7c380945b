-- What is kept of an export, with the next free key.
-- grain: one row
-- params: snapshot_id (integer), format (text), path (text), rows (integer), exported_at (timestamp), change_id (integer)
select
    coalesce(max(export_id), 0) + 1 as export_id,
    $snapshot_id::bigint as snapshot_id,
    $format::text as format,
    $path::text as path,
    $rows::bigint as rows,
    $exported_at::timestamptz as exported_at,
    $change_id::bigint as change_id
from export
