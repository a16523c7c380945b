-- Members of a snapshot in a range of positions, with what chose each.
-- grain: one row per member
-- params: snapshot_id (integer), first (integer), last (integer) - positions
select
    m.position,
    m.sample_id,
    lower(hex(s.content_hash)) as hash,
    a.source,
    a.external_id,
    m.score,
    m.task,
    m.query_id,
    q.external_id as query,
    q.position as query_position,
    m.rank,
    m.turn,
    m.repeats,
    s.messages
from snapshot_member as m
join sample as s on s.sample_id = m.sample_id
left join appearance as a on a.sample_id = m.sample_id and a.rank = 1
left join query as q on q.query_id = m.query_id
where m.snapshot_id = $snapshot_id and m.position between $first and $last
order by m.position
