-- Exposures, steps or dropped samples of attempts that are not in the catalog. Must return no row.
-- grain: one row per (table, run, attempt) that breaks the rule
-- mend: restore a backup that is whole (catalog restore DIR --home NEW)
with logged as (
    select distinct 'exposure' as table_name, run_id, attempt from exposure
    union
    select distinct 'training_step' as table_name, run_id, attempt from training_step
    union
    select distinct 'dropped_sample' as table_name, run_id, attempt from dropped_sample
    union
    select distinct 'checkpoint' as table_name, run_id, attempt from checkpoint
    union
    select distinct 'lost_exposure' as table_name, run_id, attempt from lost_exposure
    union
    select distinct 'run_coverage' as table_name, run_id, attempt from run_coverage
)
select
    l.table_name,
    l.run_id,
    l.attempt
from logged as l
left join run as r on r.run_id = l.run_id
left join attempt as a on a.run_id = l.run_id and a.attempt = l.attempt
where r.run_id is null or a.attempt is null
order by l.table_name, l.run_id, l.attempt
