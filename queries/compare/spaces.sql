-- The embedding space that a snapshot was chosen in, by name; null if there was none.
-- grain: at most one row
-- params: snapshot_id (integer)
select e.name
from snapshot as s
left join embedding_space as e on e.space_id = s.space_id
where s.snapshot_id = $snapshot_id
