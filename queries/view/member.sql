-- What every snapshot holds, in order, and why each member was chosen.
-- grain: one row per (snapshot, position)
select
    s.name || '@' || s.version as snapshot,
    m.position,
    m.sample_id,
    lower(hex(c.content_hash)) as hash,
    m.score,
    m.task,
    m.query_id,
    m.rank,
    m.turn,
    m.repeats
from snapshot_member as m
join snapshot as s on s.snapshot_id = m.snapshot_id
join sample as c on c.sample_id = m.sample_id
