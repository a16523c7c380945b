-- What a run was trained on, in the order in which it names them.
-- grain: one row per snapshot that the run names
-- params: run_id (integer)
select
    r.reference as snapshot,
    r.digest,
    s.size,
    s.deleted_at is null and s.snapshot_id is not null as is_here
from run_snapshot as r
left join snapshot as s on s.snapshot_id = r.snapshot_id
where r.run_id = $run_id
order by r.position
