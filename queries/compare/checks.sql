-- For which tasks the pool was checked for contamination, and up to which change.
-- grain: one row per (task, role)
select
    task,
    role,
    max(change_id) as change_id
from contamination_check
group by task, role
order by task, role desc
