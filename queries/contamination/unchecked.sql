-- How many samples of the pool came after the newest check of a task, and so were never looked at.
-- grain: one row per (task, role) that was checked
with newest as (
    select
        task,
        role,
        arg_max(parameters, check_id) as parameters
    from contamination_check
    group by task, role
)
select
    n.task,
    n.role,
    count(p.sample_id) as samples
from newest as n
left join pool as p
    on p.change_id > cast(json_extract_string(n.parameters, '$.pool.newest_sample') as bigint)
group by n.task, n.role
order by n.task, n.role desc
