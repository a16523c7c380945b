-- Items of a task that samples among some exposures overlap, with the evidence and the steps.
-- grain: one row per (item, sample, kind, part, run)
-- params: task (text)
-- needs: heads (run_id, head, step, generation); met (run_id, step, sample_id, contributed)
with counted as (
    select
        run_id,
        sample_id,
        count(*) as exposures,
        count(*) filter (where contributed) as contributed,
        list_sort(list(distinct step)) as steps,
        coalesce(list_sort(list(distinct step) filter (where contributed)), [])
            as contributed_steps
    from met
    group by run_id, sample_id
)
select
    coalesce(q.external_id, 'position ' || q.position) as item,
    c.role,
    c.hash,
    c.kind,
    c.part,
    c.score,
    c.evidence,
    r.name as run,
    h.generation,
    s.exposures,
    s.contributed,
    s.steps,
    s.contributed_steps
from contaminated as c
join query as q on q.query_id = c.query_id
join counted as s on s.sample_id = c.sample_id
join run as r on r.run_id = s.run_id
join heads as h on h.run_id = s.run_id
where c.task = $task
order by h.generation, c.score desc, s.steps[1], item, c.role, c.hash, c.kind, c.part
