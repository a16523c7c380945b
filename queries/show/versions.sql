-- Every version of one snapshot that was not deleted.
-- grain: one row per version, newest first
-- params: name (text)
select *
from snapshot
where name = $name
    and deleted_at is null
order by version desc
