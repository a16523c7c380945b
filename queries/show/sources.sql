-- Every source: how many rows of it were taken in, refused, and how many samples it holds.
-- A sample is held by the source that brought it and by those of its repeated appearances.
-- grain: one row per source
with placed as (
    select
        source_id,
        row_number() over (order by name, revision)::integer as place
    from source
),
again as (
    select
        a.sample_id,
        p.place
    from sample_source as a
    join placed as p on p.source_id = a.source_id
    where a.repeated
),
brought as (
    select
        s.sample_id,
        p.place,
        r.first
    from sample as s
    join placed as p on p.source_id = s.source_id
    left join (
        select
            sample_id,
            min(place) as first
        from again
        group by sample_id
    ) as r on r.sample_id = s.sample_id
),
held as (
    select
        place,
        count(*) as samples
    from brought
    group by place
    union all
    select
        a.place,
        count(distinct a.sample_id) as samples
    from again as a
    anti join brought as b on b.sample_id = a.sample_id and b.place = a.place
    group by a.place
)
select
    s.name || '@' || s.revision as source,
    s.format,
    s.license,
    coalesce(a.appearances, 0) as appearances,
    coalesce(h.samples, 0) as samples,
    coalesce(f.samples, 0) as first_here
from source as s
join placed as p on p.source_id = s.source_id
left join (
    select
        source_id,
        count(*) as appearances
    from sample_source
    group by source_id
) as a on a.source_id = s.source_id
left join (
    select
        place,
        sum(samples)::bigint as samples
    from held
    group by place
) as h on h.place = p.place
left join (
    select
        least(place, first) as place,
        count(*) as samples
    from brought
    group by all
) as f on f.place = p.place
order by samples desc, source
