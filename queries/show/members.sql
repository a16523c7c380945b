-- What a snapshot holds and why, in order.
-- grain: one row per member
-- params: snapshot_id (integer)
select
    m.position,
    m.sample_id,
    lower(hex(s.content_hash)) as hash,
    m.score,
    m.task,
    q.external_id as query,
    m.query_id,
    m.rank,
    m.turn,
    m.repeats
from snapshot_member as m
join sample as s on s.sample_id = m.sample_id
left join query as q on q.query_id = m.query_id
where m.snapshot_id = $snapshot_id
order by m.position
