-- How many steps on the way to one head, up to a step, every rank has told of.
-- grain: one row
-- params: run_id (integer), head (integer), step (integer)
with told as (
    select
        t.attempt,
        t.step,
        count(distinct t.rank) as ranks
    from training_step as t
    join branch as b
        on b.run_id = t.run_id
        and b.attempt = t.attempt
        and t.step >= b.first_step
        and t.step <= coalesce(b.last_step, 9223372036854775807)
    where t.run_id = $run_id and b.head = $head and t.step <= $step
    group by t.attempt, t.step
)
select count(*) as steps
from told as t
join attempt as a on a.run_id = $run_id and a.attempt = t.attempt
where t.ranks >= coalesce(a.world_size, 1)
