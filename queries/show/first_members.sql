-- The first members of a snapshot with their text and the query that chose each.
-- grain: one row per member
-- params: snapshot_id (integer), count (integer)
select
    m.position,
    lower(hex(s.content_hash)) as hash,
    a.source,
    a.external_id,
    m.score,
    m.task,
    m.rank,
    m.turn,
    q.external_id as query,
    s.messages,
    q.messages as query_messages
from snapshot_member as m
join sample as s on s.sample_id = m.sample_id
left join appearance as a on a.sample_id = m.sample_id and a.rank = 1
left join query as q on q.query_id = m.query_id
where m.snapshot_id = $snapshot_id and m.position < $count
order by m.position
