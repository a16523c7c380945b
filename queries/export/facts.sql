-- Where some members come from and why they were chosen; not those whose text was purged. In no
-- order: whoever reads them sorts them apart, in less time.
-- grain: one row per member that has its text
-- params: snapshot_id (integer), first (integer), last (integer) - sample ids
with appeared as (
    -- not through the view `appearance`, which would rank those of all samples for every few members
    select *
    from sample_source
    where sample_id between $first and $last
),
-- few appear more than once; for those who do not, what follows would take longer than all else
several as (
    select
        a.sample_id,
        list_sort(list(distinct o.name)) as sources,
        arg_min(
            {'source': o.name, 'external_id': a.external_id},
            (o.name, o.revision, a.file, a.line, a.job_id)
        ) as first
    from appeared as a
    join source as o on o.source_id = a.source_id
    where a.sample_id in (select sample_id from appeared where repeated)
    group by a.sample_id
)
select
    m.position,
    nullif(
        case when v.sample_id is null then a.external_id else v.first.external_id end, ''
    ) as external_id,
    case when v.sample_id is null then o.name else v.first.source end as dataset,
    m.repeats,
    m.score,
    m.task,
    q.external_id as query,
    m.rank,
    case
        when v.sample_id is not null then v.sources
        when o.name is not null then [o.name]
    end as sources
from snapshot_member as m
left join (
    select *
    from appeared
    where not repeated
) as a on a.sample_id = m.sample_id
left join source as o on o.source_id = a.source_id
left join several as v on v.sample_id = m.sample_id
left join query as q on q.query_id = m.query_id
anti join purge as p on p.sample_id = m.sample_id
where m.snapshot_id = $snapshot_id and m.sample_id between $first and $last
