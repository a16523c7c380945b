-- How many rows a snapshot has when it is written out: each member as often as it counts.
-- grain: one row
-- params: snapshot_id (integer)
select coalesce(sum(repeats), 0)::bigint as rows
from snapshot_member
where snapshot_id = $snapshot_id
