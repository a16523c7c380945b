-- Every sample that the catalog holds, retired or not, as the pool shows it.
-- The sources of a sample are the one that brought it, which stands beside it, and those of its
-- repeated appearances, which are few: `sample_source` is not read whole. Each join gives a sample one
-- row: DuckDB leaves it out where no source is asked for, and makes no lists where only the first is.
-- grain: one row per sample
select
    s.sample_id,
    lower(hex(s.content_hash)) as hash,
    s.order_key,
    least(o.name, r.source) as source,
    case
        when r.names is not null then list_sort(list_distinct(list_append(r.names, o.name)))
        when o.name is not null then [o.name]
    end as sources,
    s.turns,
    s.characters,
    s.messages,
    s.tools,
    s.content_hash,
    s.change_id
from sample as s
left join (
    select
        source_id,
        any_value(name) as name
    from source
    group by source_id
) as o on o.source_id = s.source_id
left join (
    select
        a.sample_id,
        min(n.name) as source,
        list(n.name) as names
    from sample_source as a
    join source as n on n.source_id = a.source_id
    where a.repeated
    group by a.sample_id
) as r on r.sample_id = s.sample_id
