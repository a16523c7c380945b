-- Appearances of samples, or in sources, that are not in the catalog. Must return no row.
-- grain: one row per appearance that breaks the rule
-- mend: restore a backup that is whole (catalog restore DIR --home NEW)
select
    a.sample_id,
    a.source_id,
    a.file,
    a.line
from sample_source as a
left join sample as s on s.sample_id = a.sample_id
left join source as o on o.source_id = a.source_id
where s.sample_id is null or o.source_id is null
order by a.sample_id, a.source_id, a.file, a.line
