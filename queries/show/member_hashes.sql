-- The hashes that a snapshot's digest is made of.
-- grain: one row per member, in order
-- params: snapshot_id (integer)
select
    s.content_hash,
    m.repeats
from snapshot_member as m
join sample as s on s.sample_id = m.sample_id
where m.snapshot_id = $snapshot_id
order by m.position
