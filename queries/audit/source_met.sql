-- The exposures of one source's samples, in any attempt; narrow, since they may be tens of millions.
-- grain: one row per exposure
-- needs: source_ids (logged_id, sample_id)
select
    e.run_id::integer as run_id,
    e.attempt,
    e.rank,
    e.step,
    w.sample_id::integer as sample_id,
    coalesce(e.loss_tokens, 1) > 0 as has_loss
from exposure as e
join source_ids as w on w.logged_id = e.sample_id
