-- Rows written by no change that the catalog knows of. Must return no row.
-- grain: one row per table that breaks the rule
-- mend: restore a backup that is whole (catalog restore DIR --home NEW)
with written as (
    select distinct 'attempt' as table_name, change_id from attempt
    union all
    select distinct 'checkpoint' as table_name, change_id from checkpoint
    union all
    select distinct 'contamination_check' as table_name, change_id from contamination_check
    union all
    select distinct 'contamination_mark' as table_name, change_id from contamination_mark
    union all
    select distinct 'dropped_sample' as table_name, change_id from dropped_sample
    union all
    select distinct 'embedding_space' as table_name, change_id from embedding_space
    union all
    select distinct 'evaluation' as table_name, change_id from evaluation
    union all
    select distinct 'export' as table_name, change_id from export
    union all
    select distinct 'exposure' as table_name, change_id from exposure
    union all
    select distinct 'job' as table_name, change_id from job
    union all
    select distinct 'ledger_segment' as table_name, change_id from ledger_segment
    union all
    select distinct 'lost_exposure' as table_name, change_id from lost_exposure
    union all
    select distinct 'purge' as table_name, change_id from purge
    union all
    select distinct 'query' as table_name, change_id from query
    union all
    select distinct 'rejection' as table_name, change_id from rejection
    union all
    select distinct 'retirement' as table_name, change_id from retirement
    union all
    select distinct 'run' as table_name, change_id from run
    union all
    select distinct 'run_coverage' as table_name, change_id from run_coverage
    union all
    select distinct 'run_snapshot' as table_name, change_id from run_snapshot
    union all
    select distinct 'sample' as table_name, change_id from sample
    union all
    select distinct 'sample_list' as table_name, change_id from sample_list
    union all
    select distinct 'sample_score' as table_name, change_id from sample_score
    union all
    select distinct 'sample_source' as table_name, change_id from sample_source
    union all
    select distinct 'scorer' as table_name, change_id from scorer
    union all
    select distinct 'snapshot' as table_name, change_id from snapshot
    union all
    select distinct 'snapshot_member' as table_name, change_id from snapshot_member
    union all
    select distinct 'source' as table_name, change_id from source
    union all
    select distinct 'task' as table_name, change_id from task
    union all
    select distinct 'training_step' as table_name, change_id from training_step
    union all
    select distinct 'unknown_sample' as table_name, change_id from unknown_sample
    union all
    select distinct 'vector_index' as table_name, change_id from vector_index
)
select
    w.table_name,
    count(*) as changes
from written as w
anti join change as c on c.change_id = w.change_id
group by w.table_name
order by w.table_name
