-- Every sample that the catalog holds, retired or not, as the pool shows it.
-- One join, which gives each sample one row: DuckDB leaves it out where no source is asked for, and
-- does not make the lists where only the first is.
-- grain: one row per sample
select
    s.sample_id,
    lower(hex(s.content_hash)) as hash,
    s.order_key,
    f.source,
    list_sort(list_distinct(f.names)) as sources,
    s.turns,
    s.characters,
    s.messages,
    s.tools,
    s.content_hash,
    s.change_id
from sample as s
left join (
    select
        a.sample_id,
        min(o.name) as source,
        list(o.name) as names
    from sample_source as a
    join source as o on o.source_id = a.source_id
    group by a.sample_id
) as f on f.sample_id = s.sample_id
