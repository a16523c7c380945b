-- Rows written by no change that the catalog knows of. Must return no row.
-- grain: one row per table that breaks the rule
with written as (
    select 'sample' as table_name, change_id from sample
    union
    select 'sample_source' as table_name, change_id from sample_source
    union
    select 'snapshot' as table_name, change_id from snapshot
    union
    select 'exposure' as table_name, change_id from exposure
)
select
    w.table_name,
    count(*) as changes
from written as w
anti join change as c on c.change_id = w.change_id
group by w.table_name
order by w.table_name
