-- Whether an export of a snapshot to a place is recorded.
-- grain: one row
-- params: snapshot_id (integer), format (text), path (text)
select count(*) > 0 as known
from export
where snapshot_id = $snapshot_id and format = $format and path = $path
