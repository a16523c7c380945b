-- The version that the next snapshot of a name gets; deleted ones count.
-- grain: one row
-- params: name (text)
select coalesce(max(version), 0) + 1 as version
from snapshot
where name = $name
