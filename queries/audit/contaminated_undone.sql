-- Exposures in attempts, or steps of them, that did not lead to the head, of samples that overlap items
-- of a task.
-- grain: one row per attempt
-- params: run_id (integer), head (integer) - an attempt, task (text)
select
    e.attempt,
    count(*) as exposures,
    min(e.step) as first_step,
    max(e.step) as last_step
from exposure as e
left join known as k on k.logged_id = e.sample_id
semi join (
    select sample_id
    from contaminated
    where task = $task
) as c on c.sample_id = coalesce(k.sample_id, e.sample_id)
left join branch as b
    on b.run_id = e.run_id
    and b.head = $head
    and b.attempt = e.attempt
    and e.step between b.first_step and coalesce(b.last_step, 9223372036854775807)
where e.run_id = $run_id and b.attempt is null
group by e.attempt
order by e.attempt
