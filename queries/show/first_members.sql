-- The first members of a snapshot with their text and the query that chose each.
-- grain: one row per member
-- params: snapshot_id (integer), count (integer)
with first as (
    select *
    from snapshot_member
    where snapshot_id = $snapshot_id and position < $count
),
origin as (
    select
        a.sample_id,
        arg_min(
            {'source': o.name, 'external_id': a.external_id},
            (o.name, o.revision, a.file, a.line, a.job_id)
        ) as first
    from sample_source as a
    join source as o on o.source_id = a.source_id
    where a.sample_id in (
        select sample_id
        from first
    )
    group by a.sample_id
)
select
    m.position,
    lower(hex(s.content_hash)) as hash,
    a.first.source as source,
    a.first.external_id as external_id,
    m.score,
    m.task,
    m.rank,
    m.turn,
    q.external_id as query,
    s.messages,
    q.messages as query_messages
from first as m
join sample as s on s.sample_id = m.sample_id
left join origin as a on a.sample_id = m.sample_id
left join query as q on q.query_id = m.query_id
order by m.position
