-- How far a snapshot went: its members, and the last of their turns.
-- grain: one row
-- params: snapshot_id (integer)
select
    count(*) as members,
    max(position) as last_position,
    max(turn) as last_turn,
    arg_max(score, position) as last_score
from snapshot_member
where snapshot_id = $snapshot_id
