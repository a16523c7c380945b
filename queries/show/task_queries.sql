-- The queries of one task revision, known by what it holds.
-- grain: one row per query
-- params: name (text), role (text), digest (text)
select
    t.task_id,
    t.revision,
    t.query_count,
    q.query_id
from task as t
join query as q on q.task_id = t.task_id
where t.name = $name and t.role = $role and t.digest = $digest
    and t.revision = (
        select max(revision)
        from task
        where name = $name and role = $role and digest = $digest
    )
order by q.position
