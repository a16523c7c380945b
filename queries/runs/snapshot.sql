-- The snapshot that a run names: the version, or the newest there was when the run began.
-- grain: at most one row
-- params: name (text), version (integer or null), at (timestamp)
select
    snapshot_id,
    digest
from snapshot
where name = $name
    and deleted_at is null
    and case
        when $version::integer is null then created_at <= $at::timestamptz
        else version = $version::integer
    end
order by version desc
limit 1
