-- One task at its newest revision.
-- grain: at most one row
-- params: name (text), role (text)
select
    task_id,
    name,
    role,
    revision,
    digest,
    query_count
from task
where name = $name and role = $role
order by revision desc
limit 1
