-- What led to one head of a run, in numbers.
-- grain: at most one row
-- needs: shown (run_id, attempt, step, sample_id, tokens, truncated_tokens, loss_tokens, sample_start, contributed, generation); whole (seen, contributed, promised, dropped)
with counted as (
    select
        count(distinct attempt) filter (where generation = 0) as attempts,
        count(distinct step) filter (where generation = 0) as steps,
        min(step) filter (where generation = 0) as first_step,
        max(step) filter (where generation = 0) as last_step,
        count(*) as exposures,
        count(*) filter (where contributed) as contributed_exposures,
        count(*) filter (where sample_id < 0) as unknown_exposures,
        count(*) filter (where sample_start > 0) as later_pieces,
        sum(tokens)::bigint as tokens,
        sum(truncated_tokens)::bigint as truncated_tokens,
        sum(loss_tokens)::bigint as loss_tokens,
        sum(case when contributed then loss_tokens else least(loss_tokens, 0) end)::bigint
            as contributed_loss_tokens,
        count(*) filter (where tokens is null) as exposures_without_tokens
    from shown
)
select
    c.*,
    bit_count(w.seen)::bigint as samples,
    bit_count(w.contributed)::bigint as contributed_samples,
    bit_count(w.seen & ~w.contributed)::bigint as loaded_samples,
    bit_count(w.dropped & ~w.seen)::bigint as dropped_samples,
    bit_count(w.promised)::bigint as members,
    bit_count(w.promised & ~w.seen)::bigint as members_not_seen,
    bit_count(w.promised & ~w.seen & ~w.dropped)::bigint as members_not_recorded,
    bit_count(w.seen & ~w.promised)::bigint as samples_not_members
from counted as c
cross join whole as w
