-- Optimizer steps that were skipped on the way to some heads, by reason.
-- grain: one row per (run, reason)
-- needs: heads (run_id, head, step, generation)
select
    r.name as run,
    coalesce(t.reason, 'no reason told') as reason,
    count(distinct t.step) as steps,
    min(t.step) as first_step,
    max(t.step) as last_step
from training_step as t
join branch as b
    on b.run_id = t.run_id
    and b.attempt = t.attempt
    and t.step >= b.first_step
    and t.step <= coalesce(b.last_step, 9223372036854775807)
join heads as h on h.run_id = b.run_id and h.head = b.head and t.step <= h.step
join run as r on r.run_id = t.run_id
where not t.applied
group by r.name, reason
order by r.name, steps desc, reason
