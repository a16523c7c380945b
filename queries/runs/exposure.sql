-- Logged exposures with the sample each names; one that is not known has a negative id.
-- grain: one row per exposure
-- params: run_id (integer), attempt (integer), rank (integer)
-- needs: logged (step, micro_step, position, epoch, content_hash, dataset_position, batch_row, row_start, sample_start, tokens, truncated_tokens, loss_tokens, repeated)
select
    $run_id as run_id,
    $attempt as attempt,
    l.step,
    l.micro_step,
    $rank as rank,
    l.position,
    l.epoch,
    coalesce(s.sample_id, u.sample_id) as sample_id,
    l.dataset_position,
    l.batch_row,
    l.row_start,
    l.sample_start,
    l.tokens,
    l.truncated_tokens,
    l.loss_tokens,
    coalesce(l.repeated, false) as repeated
from logged as l
left join sample as s on s.content_hash = l.content_hash
left join unknown_sample as u on u.content_hash = l.content_hash
