-- Logged exposures, in the order in which they come.
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
