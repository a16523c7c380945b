-- The exposures of one sample with what became of them.
-- grain: one row per exposure
-- needs: met (run_id, attempt, step, rank, loss_tokens)
select
    m.*,
    t.applied,
    coalesce(t.applied, false) and coalesce(m.loss_tokens, 1) > 0 as contributed,
    b.attempt is not null as effective
from met as m
left join training_step as t
    on t.run_id = m.run_id
    and t.attempt = m.attempt
    and t.rank = m.rank
    and t.step = m.step
left join head as h on h.run_id = m.run_id
left join branch as b
    on b.run_id = m.run_id
    and b.head = h.attempt
    and b.attempt = m.attempt
    and m.step between b.first_step and coalesce(b.last_step, 9223372036854775807)
