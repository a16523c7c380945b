-- The checkpoints that were told of, and whether the newest model of the run went through them.
-- grain: one row per (run, attempt, step)
select
    r.run_id,
    r.name as run,
    c.attempt,
    c.step,
    min(c.path) as path,
    count(b.attempt) > 0 as effective
from checkpoint as c
join run as r on r.run_id = c.run_id
left join head as h on h.run_id = c.run_id
left join branch as b
    on b.run_id = c.run_id
    and b.head = h.attempt
    and b.attempt = c.attempt
    and c.step between b.first_step and coalesce(b.last_step, 9223372036854775807)
group by r.run_id, r.name, c.attempt, c.step
