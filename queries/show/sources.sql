-- Every source: how many rows of it were taken in, refused, and how many samples it holds.
-- grain: one row per source
with placed as (
    select
        source_id,
        row_number() over (order by name, revision)::integer as place
    from source
),
held as (
    select
        a.sample_id,
        p.place,
        count(*)::integer as appearances
    from sample_source as a
    join placed as p on p.source_id = a.source_id
    group by a.sample_id, p.place
),
first as (
    select
        sample_id,
        min(place) as place
    from held
    group by sample_id
)
select
    s.name || '@' || s.revision as source,
    s.format,
    s.license,
    coalesce(a.appearances, 0) as appearances,
    coalesce(a.samples, 0) as samples,
    coalesce(f.samples, 0) as first_here
from source as s
join placed as p on p.source_id = s.source_id
left join (
    select
        place,
        sum(appearances)::bigint as appearances,
        count(*) as samples
    from held
    group by place
) as a on a.place = p.place
left join (
    select
        place,
        count(*) as samples
    from first
    group by place
) as f on f.place = p.place
order by samples desc, source
