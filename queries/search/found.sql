-- What is shown of some samples, with the first place where each came from.
-- grain: one row per sample
-- params: ids (list of integer)
with chosen as (
    select unnest($ids::bigint[]) as sample_id
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
        from chosen
    )
    group by a.sample_id
)
select
    s.sample_id,
    lower(hex(s.content_hash)) as hash,
    origin.first.source as source,
    origin.first.external_id as external_id,
    s.turns,
    s.characters,
    s.messages
from sample as s
join chosen as c on c.sample_id = s.sample_id
left join origin on origin.sample_id = s.sample_id
order by s.sample_id
