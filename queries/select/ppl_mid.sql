-- Middling perplexity: sorted by mean token NLL, highest first, the first 33% are passed over.
-- grain: one row per selected sample, in order
-- needs: pool (sample_id, order_key); nll (sample_id, value)
-- params: size (integer) - samples to select
with ranked as (
    select
        p.sample_id,
        n.value as score,
        row_number() over (order by n.value desc, p.order_key) - 1 as rank,
        count(*) over () * 33 // 100 as passed_over
    from pool as p
    join nll as n on n.sample_id = p.sample_id
)
select
    sample_id,
    score,
    rank,
    rank - passed_over as turn
from ranked
where rank >= passed_over
order by turn
limit $size
