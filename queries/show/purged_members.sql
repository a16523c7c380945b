-- Where a snapshot holds samples whose text was destroyed.
-- grain: one row per purged member
-- params: snapshot_id (integer)
select m.position
from snapshot_member as m
semi join purge as p on p.sample_id = m.sample_id
where m.snapshot_id = $snapshot_id
order by m.position
