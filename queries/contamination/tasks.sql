-- Every task at its newest revision, in each of its roles.
-- grain: one row per (name, role)
select
    t.name,
    t.role,
    t.task_id,
    t.revision,
    t.digest,
    t.query_count
from task as t
join (
    select
        name,
        role,
        max(revision) as revision
    from task
    group by name, role
) as newest on newest.name = t.name and newest.role = t.role and newest.revision = t.revision
order by t.name, t.role desc
