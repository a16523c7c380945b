-- Attempts, segments, snapshots or scores of runs that are not in the catalog. Must return no row.
-- grain: one row per (table, run) that breaks the rule
-- mend: restore a backup that is whole (catalog restore DIR --home NEW)
with told as (
    select distinct 'attempt' as table_name, run_id from attempt
    union
    select distinct 'ledger_segment' as table_name, run_id from ledger_segment
    union
    select distinct 'run_snapshot' as table_name, run_id from run_snapshot
    union
    select distinct 'evaluation' as table_name, run_id from evaluation
    union
    select distinct 'run (parent)' as table_name, parent_run_id as run_id from run
    where parent_run_id is not null
)
select
    t.table_name,
    t.run_id
from told as t
anti join run as r on r.run_id = t.run_id
order by t.table_name, t.run_id
