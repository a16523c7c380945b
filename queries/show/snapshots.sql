-- Every snapshot.
-- grain: one row per (name, version), newest first
select
    s.name,
    s.version,
    s.method,
    s.size,
    s.tokens,
    e.name as space,
    s.digest,
    s.created_at,
    (select count(distinct run_id) from run_snapshot where run_snapshot.snapshot_id = s.snapshot_id) as runs,
    s.note
from snapshot as s
left join embedding_space as e on e.space_id = s.space_id
where s.deleted_at is null
order by s.snapshot_id desc
