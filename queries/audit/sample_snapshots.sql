-- Which snapshots hold one sample, and why it was chosen.
-- grain: one row per snapshot
-- params: sample_id (integer)
select
    s.name || '@' || s.version as snapshot,
    s.method,
    m.position,
    m.task,
    q.external_id as query,
    m.rank,
    m.turn,
    m.score
from snapshot_member as m
join snapshot as s on s.snapshot_id = m.snapshot_id
left join query as q on q.query_id = m.query_id
where m.sample_id = $sample_id
order by s.snapshot_id
