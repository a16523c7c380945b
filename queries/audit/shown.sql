-- The exposures on the way to one head, up to a step.
-- grain: one row per exposure
-- params: run_id (integer), head (integer) - an attempt, step (integer), generation (integer) - 0, or of an ancestor
select
    $generation::integer as generation,
    run_id,
    attempt,
    step,
    micro_step,
    rank,
    position,
    epoch,
    sample_id,
    dataset_position,
    sample_start,
    tokens,
    truncated_tokens,
    loss_tokens,
    repeated,
    applied,
    contributed
from reached
where run_id = $run_id and head = $head and step <= $step
