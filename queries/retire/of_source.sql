-- The samples that a source holds, and whether they came from another source too.
-- grain: one row per sample
-- params: name (text), revision (text or null) - null is every revision
select
    a.sample_id,
    count(*) filter (
        where o.name != $name
            or ($revision::varchar is not null and o.revision != $revision::varchar)
    ) > 0 as shared
from sample_source as a
join source as o on o.source_id = a.source_id
group by a.sample_id
having count(*) filter (
    where o.name = $name
        and ($revision::varchar is null or o.revision = $revision::varchar)
) > 0
order by a.sample_id
