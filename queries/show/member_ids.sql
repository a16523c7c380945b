-- Which samples a snapshot holds, and how often each counts.
-- grain: one row per member, in order
-- params: snapshot_id (integer)
select
    position,
    sample_id,
    repeats
from snapshot_member
where snapshot_id = $snapshot_id
order by position
