-- The attempts that led to one head, and what of their steps is recorded.
-- grain: one row per attempt on the way, the first one first
-- params: run_id (integer), head (integer) - an attempt
with told as (
    select
        attempt,
        step
    from training_step
    where run_id = $run_id
    union all
    select
        attempt,
        step
    from exposure
    where run_id = $run_id
)
select
    b.attempt,
    min(t.step) as first_step,
    max(t.step) as last_step
from branch as b
left join told as t
    on t.attempt = b.attempt
    and t.step >= b.first_step
    and t.step <= coalesce(b.last_step, 9223372036854775807)
where b.run_id = $run_id and b.head = $head
group by b.attempt
order by b.attempt
