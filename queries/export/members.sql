-- Some members whole, with where they come from and why they were chosen; not those whose text was
-- purged. In no order: whoever reads them sorts them apart, in less time.
-- grain: one row per member that has its text
-- params: snapshot_id (integer), first (integer), last (integer) - sample ids
with member as (
    select *
    from snapshot_member
    where snapshot_id = $snapshot_id and sample_id between $first and $last
),
-- not through the view `appearance`, which would rank those of all samples for every few members
appeared as (
    select
        a.*,
        o.name,
        o.revision
    from sample_source as a
    join source as o on o.source_id = a.source_id
    where a.sample_id between $first and $last
),
-- few appear more than once; for those who do not, what follows would take longer than all else
several as (
    select sample_id
    from appeared
    group by sample_id
    having count(*) > 1
),
once as (
    select
        a.sample_id,
        a.name as source,
        a.external_id
    from appeared as a
    anti join several as v on v.sample_id = a.sample_id
),
repeated as (
    select
        sample_id,
        list_sort(list(distinct name)) as sources,
        arg_min(
            {'source': name, 'external_id': external_id},
            (name, revision, file, line, job_id)
        ) as first
    from appeared
    where sample_id in (select sample_id from several)
    group by sample_id
)
select
    coalesce(
        nullif(case when r.sample_id is null then c.external_id else r.first.external_id end, ''),
        lower(hex(s.content_hash))
    ) as id,
    case when r.sample_id is null then c.source else r.first.source end as dataset,
    s.messages::struct(role text, content text, extra text)[] as messages,
    s.tools::text as tools,
    lower(hex(s.content_hash)) as content_hash,
    m.position,
    m.repeats,
    m.score,
    m.task,
    q.external_id as query,
    m.rank,
    case
        when r.sample_id is not null then r.sources
        when c.sample_id is not null then [c.source]
    end as sources
from member as m
join sample as s on s.sample_id = m.sample_id
left join once as c on c.sample_id = m.sample_id
left join repeated as r on r.sample_id = m.sample_id
left join query as q on q.query_id = m.query_id
anti join purge as p on p.sample_id = m.sample_id
where s.sample_id between $first and $last
