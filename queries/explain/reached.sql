-- How far a walk with constraints came in every list: the last rank that it took.
-- grain: one row per list that gave a member
-- params: snapshot_id (integer), lists (integer)
select
    turn % $lists as list,
    max(rank) as rank
from snapshot_member
where snapshot_id = $snapshot_id
group by 1
order by 1
