-- The members of the one snapshot that a run was given, by position.
-- grain: one row per member; none if it was given several snapshots, or one that is not here
-- params: run_id (integer)
select
    m.position,
    m.sample_id,
    m.repeats
from snapshot_member as m
where m.snapshot_id = (
    select any_value(snapshot_id)
    from run_snapshot
    where run_id = $run_id
    having count(*) = 1
)
order by m.position
