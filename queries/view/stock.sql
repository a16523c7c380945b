-- Every sample that the catalog holds, retired or not, as the pool shows it.
-- grain: one row per sample
select
    s.sample_id,
    lower(hex(s.content_hash)) as hash,
    s.order_key,
    f.source,
    f.sources,
    s.turns,
    s.characters,
    s.messages,
    s.tools,
    s.content_hash,
    s.change_id
from sample as s
join (
    select
        a.sample_id,
        arg_min(o.name, (o.name, o.revision)) as source,
        list_sort(list(distinct o.name)) as sources
    from sample_source as a
    join source as o on o.source_id = a.source_id
    group by a.sample_id
) as f on f.sample_id = s.sample_id
