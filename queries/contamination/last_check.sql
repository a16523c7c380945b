-- The newest check of a task in one of its roles.
-- grain: at most one row
-- params: task (text), role (text)
select
    check_id,
    task_id,
    parameters,
    report
from contamination_check
where task = $task and role = $role
order by check_id desc
limit 1
