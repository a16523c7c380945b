-- The checkpoints that a sample's exposures led to.
-- grain: one row per checkpoint
-- needs: met (run_id, attempt, step, contributed)
select
    c.run,
    c.attempt,
    c.step,
    c.path,
    c.effective,
    count(*) as contributed,
    min(m.step) as first_step
from run_checkpoints as c
join branch as b on b.run_id = c.run_id and b.head = c.attempt
join met as m
    on m.run_id = c.run_id
    and m.attempt = b.attempt
    and m.contributed
    and m.step >= b.first_step
    and m.step <= least(coalesce(b.last_step, c.step), c.step)
group by c.run, c.attempt, c.step, c.path, c.effective
order by c.run, c.attempt, c.step
