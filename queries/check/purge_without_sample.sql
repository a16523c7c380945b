-- Purges and retirements of samples that are not in the catalog. Must return no row.
-- grain: one row per (table, sample) that breaks the rule
-- mend: restore a backup that is whole (catalog restore DIR --home NEW)
with taken as (
    select distinct 'purge' as table_name, sample_id from purge
    union all
    select distinct 'retirement' as table_name, sample_id from retirement
)
select
    t.table_name,
    t.sample_id
from taken as t
anti join sample as s on s.sample_id = t.sample_id
order by t.table_name, t.sample_id
