-- Logged exposures, those of one sample side by side: a sample is found without reading the others.
-- grain: one row per exposure
-- params: run_id (integer)
-- needs: logged (attempt, rank, step, micro_step, position, epoch, sample_id, dataset_position, batch_row, row_start, sample_start, tokens, truncated_tokens, loss_tokens, repeated)
select
    $run_id as run_id,
    attempt,
    step,
    micro_step,
    rank,
    position,
    epoch,
    sample_id,
    dataset_position,
    batch_row,
    row_start,
    sample_start,
    tokens,
    truncated_tokens,
    loss_tokens,
    coalesce(repeated, false) as repeated
from logged
order by
    sample_id,
    attempt,
    step,
    rank,
    micro_step,
    position
