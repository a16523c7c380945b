-- The source that each sample counts for: the first by name. Most have none but the one that brought
-- them, as in `stock`.
-- grain: one row per sample
select
    s.sample_id,
    least(o.name, r.first) as source,
    greatest(o.name, r.last) > least(o.name, r.first) as shared
from sample as s
join (
    select
        source_id,
        any_value(name) as name
    from source
    group by source_id
) as o on o.source_id = s.source_id
left join (
    select
        a.sample_id,
        min(n.name) as first,
        max(n.name) as last
    from sample_source as a
    join source as n on n.source_id = a.source_id
    where a.repeated
    group by a.sample_id
) as r on r.sample_id = s.sample_id
