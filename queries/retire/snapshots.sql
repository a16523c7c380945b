-- The snapshots that hold chosen samples, and how many of them.
-- grain: one row per snapshot
-- needs: chosen (sample_id)
select
    s.name || '@' || s.version as snapshot,
    count(*) as members,
    s.size
from snapshot_member as m
semi join chosen as c on c.sample_id = m.sample_id
join snapshot as s on s.snapshot_id = m.snapshot_id
where s.deleted_at is null
group by s.snapshot_id, s.name, s.version, s.size
order by s.name, s.version
