-- Some members whole, with where they come from and why they were chosen; not those whose text was
-- purged.
-- grain: one row per member that has its text
-- params: snapshot_id (integer), first (integer), last (integer) - positions
with member as (
    select *
    from snapshot_member
    where snapshot_id = $snapshot_id and position between $first and $last
),
-- not through the view `appearance`, which would rank those of all samples for every few members
origin as (
    select
        a.sample_id,
        list_sort(list(distinct o.name)) as sources,
        arg_min(
            {'source': o.name, 'external_id': a.external_id},
            (o.name, o.revision, a.file, a.line, a.job_id)
        ) as first
    from sample_source as a
    join source as o on o.source_id = a.source_id
    where a.sample_id in (select sample_id from member)
    group by a.sample_id
)
select
    m.position,
    m.repeats,
    s.content_hash,
    s.messages,
    s.tools,
    o.first.external_id,
    o.first.source,
    o.sources,
    m.score,
    m.task,
    q.external_id as query,
    m.rank
from member as m
join sample as s on s.sample_id = m.sample_id
left join origin as o on o.sample_id = m.sample_id
left join query as q on q.query_id = m.query_id
anti join purge as p on p.sample_id = m.sample_id
order by m.position
