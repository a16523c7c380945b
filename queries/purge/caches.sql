-- Digests of snapshots that hold no purged sample: what was made of them may stay.
-- grain: one row per digest
select distinct s.digest
from snapshot as s
where s.deleted_at is null
    and s.snapshot_id not in (
        select m.snapshot_id
        from snapshot_member as m
        semi join purge as p on p.sample_id = m.sample_id
    )
order by s.digest
