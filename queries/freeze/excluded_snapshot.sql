-- The members of a snapshot that is kept, known by what it holds.
-- grain: one row per sample
-- params: digest (text)
select distinct m.sample_id
from snapshot_member as m
join snapshot as s on s.snapshot_id = m.snapshot_id
where s.digest = $digest
    and s.deleted_at is null
order by m.sample_id
