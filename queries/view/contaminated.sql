-- Samples marked as overlapping a task's queries or held-out items, with the evidence; of several
-- checks of a task the newest counts.
-- grain: one row per (sample, query, kind, part)
select
    m.sample_id,
    lower(hex(s.content_hash)) as hash,
    c.task,
    c.role,
    m.query_id,
    m.kind,
    m.part,
    m.evidence,
    m.score,
    m.check_id
from contamination_mark as m
join (
    select
        task,
        role,
        arg_max(task_id, check_id) as task_id,
        max(check_id) as check_id
    from contamination_check
    group by task, role
) as c on c.check_id = m.check_id and c.task_id = m.task_id
join sample as s on s.sample_id = m.sample_id
