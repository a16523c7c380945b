-- Those exposures whose samples are marked as overlapping items of a task.
-- grain: one row per exposure
-- params: task (text)
-- needs: shown (run_id, attempt, step, rank, sample_id, loss_tokens, contributed)
select
    s.run_id,
    s.attempt,
    s.step,
    s.rank,
    s.sample_id,
    s.loss_tokens,
    s.contributed
from shown as s
semi join (
    select sample_id
    from contaminated
    where task = $task
) as c on c.sample_id = s.sample_id
