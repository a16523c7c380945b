-- Exposures and dropped samples that are neither samples nor hashes kept as unknown. Must return no row.
-- grain: one row per (table, run, sample) that breaks the rule
-- mend: restore a backup that is whole (catalog restore DIR --home NEW)
with logged as (
    select distinct 'exposure' as table_name, run_id, sample_id from exposure
    union all
    select distinct 'dropped_sample' as table_name, run_id, sample_id from dropped_sample
)
select
    l.table_name,
    l.run_id,
    l.sample_id
from logged as l
anti join sample as s on s.sample_id = l.sample_id
anti join unknown_sample as u on u.sample_id = l.sample_id
order by l.table_name, l.run_id, l.sample_id
