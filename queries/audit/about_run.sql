-- What was told of one run when it was begun and ended.
-- grain: at most one row
-- params: run_id (integer)
select
    r.name as run,
    r.model,
    coalesce(p.name, r.manifest ->> 'parent') as parent,
    p.run_id is not null as parent_known,
    r.parent_step,
    s.snapshot,
    r.started_at,
    r.finished_at,
    r.final_step,
    r.tags,
    coalesce(r.config, r.manifest -> '$.config') as config
from run as r
left join run as p on p.run_id = r.parent_run_id
left join (
    select
        run_id,
        string_agg(reference, ', ' order by position) as snapshot
    from run_snapshot
    group by run_id
) as s on s.run_id = r.run_id
where r.run_id = $run_id
