-- The newest check of each role of a task, and what of some exposures it did not look at: samples that
-- came later or were retired then, and hashes that are not in the catalog.
-- grain: one row per role that the task has
-- params: task (text)
-- needs: shown (sample_id)
with newest as (
    select
        role,
        arg_max(task_id, revision) as task_id,
        arg_max(query_count, revision) as items
    from task
    where name = $task
    group by role
),
checked as (
    select
        role,
        arg_max(task_id, check_id) as task_id,
        arg_max(parameters, check_id) as parameters,
        max(checked_at) as checked_at
    from contamination_check
    where task = $task
    group by role
),
seen as (
    select distinct sample_id
    from shown
),
missed as (
    select
        c.role,
        count(*) as samples
    from checked as c
    cross join seen as s
    join sample as p on p.sample_id = s.sample_id
    left join (
        select
            k.role,
            r.sample_id
        from checked as k
        join retirement as r
            on r.change_id <= (k.parameters ->> '$.pool.newest_retirement')::bigint
        group by k.role, r.sample_id
        having arg_max(r.retired, r.change_id)
    ) as r on r.role = c.role and r.sample_id = s.sample_id
    where p.change_id > (c.parameters ->> '$.pool.newest_sample')::bigint
        or r.sample_id is not null
    group by c.role
)
select
    n.role,
    n.items,
    c.checked_at,
    coalesce(c.task_id = n.task_id, false) as same_items,
    case when c.role is not null then coalesce(m.samples, 0) end as samples_not_checked,
    (select count(*) from seen where sample_id < 0) as hashes_not_known,
    c.parameters ->> '$.ngram' as ngram
from newest as n
left join checked as c on c.role = n.role
left join missed as m on m.role = n.role
order by n.role
