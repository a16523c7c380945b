-- How far a snapshot went: its members, the last of them and of their turns.
-- grain: one row
-- params: snapshot_id (integer)
select
    count(*) as members,
    max(position) as last_position,
    max(turn) as last_turn,
    arg_max(sample_id, position) as last_sample_id
from snapshot_member
where snapshot_id = $snapshot_id
