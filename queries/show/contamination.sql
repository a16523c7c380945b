-- How many members of a snapshot are marked for each query set that was checked, how many for any,
-- and how many came after its newest check, so that it never looked at them.
-- grain: one row per (task, role) that was checked
-- params: snapshot_id (integer)
with checked as (
    select
        task,
        role,
        arg_max(parameters, check_id) as parameters
    from contamination_check
    group by task, role
),
members as (
    select
        s.sample_id,
        s.change_id
    from snapshot_member as m
    join sample as s on s.sample_id = m.sample_id
    where m.snapshot_id = $snapshot_id
),
marked as (
    select distinct
        c.task,
        c.role,
        c.sample_id
    from contaminated as c
    semi join members as m on m.sample_id = c.sample_id
),
unchecked as (
    select
        c.task,
        c.role,
        count(m.sample_id) as samples
    from checked as c
    join members as m
        on m.change_id > cast(json_extract_string(c.parameters, '$.pool.newest_sample') as bigint)
    group by c.task, c.role
)
select
    c.task,
    c.role,
    count(m.sample_id) as samples,
    coalesce(any_value(u.samples), 0) as unchecked,
    (select count(distinct sample_id) from marked) as any_task
from checked as c
left join marked as m on m.task = c.task and m.role = c.role
left join unchecked as u on u.task = c.task and u.role = c.role
group by c.task, c.role
order by c.task, c.role desc
