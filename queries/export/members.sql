-- Some members whole, with where they come from and why they were chosen; not those whose text was
-- purged.
-- grain: one row per member that has its text
-- params: snapshot_id (integer), first (integer), last (integer) - positions
with origin as (
    select
        a.sample_id,
        list(distinct a.source order by a.source) as sources,
        max(a.source) filter (where a.rank = 1) as source,
        max(a.external_id) filter (where a.rank = 1) as external_id
    from appearance as a
    where a.sample_id in (
        select sample_id
        from snapshot_member
        where snapshot_id = $snapshot_id and position between $first and $last
    )
    group by a.sample_id
)
select
    m.position,
    m.repeats,
    s.content_hash,
    s.messages,
    s.tools,
    o.external_id,
    o.source,
    o.sources,
    m.score,
    m.task,
    q.external_id as query,
    m.rank
from snapshot_member as m
join sample as s on s.sample_id = m.sample_id
left join origin as o on o.sample_id = m.sample_id
left join query as q on q.query_id = m.query_id
anti join purge as p on p.sample_id = m.sample_id
where m.snapshot_id = $snapshot_id and m.position between $first and $last
order by m.position
