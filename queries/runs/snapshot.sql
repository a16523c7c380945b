-- The snapshot that a run names: the version, or the newest there was when the run began.
-- grain: one row, null if there is none
-- params: name (text), version (integer or null), at (timestamp)
select arg_max(snapshot_id, version) as snapshot_id
from snapshot
where name = $name
    and deleted_at is null
    and case
        when $version::integer is null then created_at <= $at::timestamptz
        else version = $version::integer
    end
