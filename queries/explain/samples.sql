-- Some samples with their text, and where a snapshot has them, if it has.
-- grain: one row per sample
-- params: snapshot_id (integer), samples (list of integer)
select
    s.sample_id,
    lower(hex(s.content_hash)) as hash,
    a.source,
    a.external_id,
    s.messages,
    m.position,
    m.score,
    m.task,
    m.query_id,
    q.external_id as query,
    q.position as query_position,
    m.rank,
    m.turn,
    m.repeats
from sample as s
left join appearance as a on a.sample_id = s.sample_id and a.rank = 1
left join snapshot_member as m on m.sample_id = s.sample_id and m.snapshot_id = $snapshot_id
left join query as q on q.query_id = m.query_id
where s.sample_id in (select unnest($samples::bigint[]))
order by s.sample_id
