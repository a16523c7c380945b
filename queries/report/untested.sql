-- The query sets that samples were never checked against.
-- grain: one row per (task, role)
select distinct
    t.name as task,
    t.role
from task as t
anti join contamination_check as c on c.task = t.name and c.role = t.role
order by
    t.name,
    t.role
