-- The queries that a space should have vectors of: those of each task's newest revision.
-- grain: one row per query
select q.query_id
from query as q
join task as t on t.task_id = q.task_id
where (t.name, t.role, t.revision) in (
    select
        name,
        role,
        max(revision)
    from task
    group by name, role
)
order by q.query_id
