-- The highest perplexity first: by mean token NLL of the whole sample, prompt included.
-- grain: one row per selected sample, in order
-- needs: pool (sample_id, order_key); nll (sample_id, value)
-- params: size (integer) - samples to select
select
    p.sample_id,
    n.value as score,
    row_number() over (order by n.value desc, p.order_key) - 1 as turn
from pool as p
join nll as n on n.sample_id = p.sample_id
order by turn
limit $size
