-- Spaces, scorers, sources, tasks or snapshots that share a name, or a key. Must return no row.
-- grain: one row per name that breaks the rule
-- mend: restore a backup that is whole (catalog restore DIR --home NEW)
with named as (
    select 'embedding_space' as table_name, name as name, space_id as key from embedding_space
    union all
    select 'scorer' as table_name, concat_ws('/', space_id, name) as name, scorer_id as key from scorer
    union all
    select 'source' as table_name, name || '@' || revision as name, source_id as key from source
    union all
    select 'task' as table_name, concat_ws('/', name, role, revision) as name, task_id as key from task
    union all
    select 'snapshot' as table_name, name || '@' || version as name, snapshot_id as key from snapshot
)
select
    table_name,
    name,
    key
from named
qualify count(*) over (partition by table_name, name) > 1
    or count(*) over (partition by table_name, key) > 1
order by table_name, name, key
