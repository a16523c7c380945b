-- How many members of a snapshot are marked for each query set that was checked, and for any.
-- grain: one row per (task, role) that was checked
-- params: snapshot_id (integer)
with checked as (
    select distinct
        task,
        role
    from contamination_check
),
marked as (
    select distinct
        c.task,
        c.role,
        c.sample_id
    from contaminated as c
    semi join snapshot_member as m on m.sample_id = c.sample_id and m.snapshot_id = $snapshot_id
)
select
    c.task,
    c.role,
    count(m.sample_id) as samples,
    (select count(distinct sample_id) from marked) as any_task
from checked as c
left join marked as m on m.task = c.task and m.role = c.role
group by c.task, c.role
order by c.task, c.role desc
