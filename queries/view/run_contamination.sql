-- Which samples that led to the newest model of each run overlap a task's items, and when they came.
-- grain: one row per (run, sample, item, kind, part)
select
    s.run,
    c.task,
    c.role,
    q.external_id as item,
    c.query_id,
    c.sample_id,
    c.hash,
    c.kind,
    c.part,
    c.evidence,
    c.score,
    s.exposures,
    s.contributed,
    s.first_step,
    s.last_step
from contaminated as c
join query as q on q.query_id = c.query_id
join run_samples as s on s.sample_id = c.sample_id
