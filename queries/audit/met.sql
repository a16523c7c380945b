-- The exposures of one sample, in any attempt. Looked for in the one column first: DuckDB would decode
-- all the others beside it.
-- grain: one row per exposure
-- params: sample_id (integer), logged_id (integer) - the same, or the one its hash had before
select
    run_id,
    attempt,
    step,
    micro_step,
    rank,
    position,
    epoch,
    dataset_position,
    sample_start,
    tokens,
    truncated_tokens,
    loss_tokens,
    repeated
from exposure
where rowid in (
    select rowid
    from exposure
    where sample_id = $sample_id
    union all
    select rowid
    from exposure
    where sample_id = $logged_id and $logged_id != $sample_id
)
