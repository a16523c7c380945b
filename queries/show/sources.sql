-- Every source: how many rows of it were taken in, refused, and how many samples it holds.
-- grain: one row per source
select
    s.name || '@' || s.revision as source,
    s.format,
    s.license,
    coalesce(a.appearances, 0) as appearances,
    coalesce(a.samples, 0) as samples,
    coalesce(a.first_here, 0) as first_here
from source as s
left join (
    select
        source,
        revision,
        count(*) as appearances,
        count(distinct sample_id) as samples,
        count(*) filter (where rank = 1) as first_here
    from appearance
    group by source, revision
) as a on a.source = s.name and a.revision = s.revision
order by samples desc, source
