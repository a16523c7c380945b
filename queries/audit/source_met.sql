-- The exposures of one source's samples, in any attempt.
-- grain: one row per exposure
-- needs: source_ids (logged_id, sample_id)
select
    e.run_id,
    e.attempt,
    e.rank,
    e.step,
    w.sample_id,
    e.loss_tokens
from exposure as e
join source_ids as w on w.logged_id = e.sample_id
