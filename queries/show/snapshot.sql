-- One snapshot: the version asked for, or the newest.
-- grain: at most one row
-- params: name (text), version (integer or null)
select *
from snapshot
where name = $name
    and deleted_at is null
    and ($version::integer is null or version = $version::integer)
order by version desc
limit 1
