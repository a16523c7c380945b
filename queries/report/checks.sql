-- The query sets that samples were checked against: how many that a model was shown are marked, when
-- they came, and how many were never looked at, since they were not there yet.
-- grain: one row per (task, role) that was checked
-- needs: shown (step, sample_id, contributed)
with seen as (
    select
        sample_id,
        count(*) as exposures,
        count(*) filter (where contributed) as contributed,
        min(step) as first_step,
        max(step) as last_step
    from shown
    group by sample_id
),
checked as (
    select
        task,
        role,
        max(checked_at) as checked_at,
        arg_max(parameters, check_id) as parameters
    from contamination_check
    group by task, role
),
marked as (
    select
        c.task,
        c.role,
        c.sample_id,
        count(distinct c.query_id) as items
    from contaminated as c
    semi join seen as s on s.sample_id = c.sample_id
    group by
        c.task,
        c.role,
        c.sample_id
),
items as (
    select
        c.task,
        c.role,
        count(distinct c.query_id) as items
    from contaminated as c
    semi join seen as s on s.sample_id = c.sample_id
    group by c.task, c.role
),
unchecked as (
    select
        c.task,
        c.role,
        count(*) as samples
    from checked as c
    cross join seen as s
    left join sample as p on p.sample_id = s.sample_id
    where coalesce(p.change_id, 9223372036854775807)
        > cast(json_extract_string(c.parameters, '$.pool.newest_sample') as bigint)
    group by c.task, c.role
)
select
    c.task,
    c.role,
    c.checked_at,
    coalesce(any_value(i.items), 0) as items,
    count(m.sample_id) as samples,
    coalesce(sum(s.exposures), 0)::bigint as exposures,
    coalesce(sum(s.contributed), 0)::bigint as contributed,
    min(s.first_step) as first_step,
    max(s.last_step) as last_step,
    coalesce(any_value(u.samples), 0) as unchecked
from checked as c
left join marked as m on m.task = c.task and m.role = c.role
left join seen as s on s.sample_id = m.sample_id
left join items as i on i.task = c.task and i.role = c.role
left join unchecked as u on u.task = c.task and u.role = c.role
group by
    c.task,
    c.role,
    c.checked_at
order by
    samples desc,
    c.task,
    c.role
