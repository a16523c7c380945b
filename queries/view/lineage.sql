-- Which runs each run was tuned from, directly or not, and up to which of their steps. An ancestor's
-- attempt is the newest that reached that step; a step of null is all of it.
-- grain: one row per (run, ancestor)
with recursive walk as (
    select
        run_id,
        parent_run_id as ancestor_id,
        parent_step as step,
        1 as generation
    from run
    where parent_run_id is not null
    union all
    select
        w.run_id,
        r.parent_run_id as ancestor_id,
        r.parent_step as step,
        w.generation + 1 as generation
    from walk as w
    join run as r on r.run_id = w.ancestor_id
    where r.parent_run_id is not null and w.generation < 1000
)
select
    w.run_id,
    r.name as run,
    w.ancestor_id,
    a.name as ancestor,
    w.generation,
    coalesce(max(t.attempt), any_value(h.attempt)) as attempt,
    w.step
from walk as w
join run as r on r.run_id = w.run_id
join run as a on a.run_id = w.ancestor_id
left join run_coverage as t on t.run_id = w.ancestor_id and t.last_step >= w.step
left join head as h on h.run_id = w.ancestor_id
group by w.run_id, r.name, w.ancestor_id, a.name, w.generation, w.step
