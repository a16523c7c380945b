-- The longest samples first, by tokens of the embedding space.
-- grain: one row per selected sample, in order
-- needs: pool (sample_id, order_key); tokens (sample_id, value)
-- params: size (integer) - samples to select
select
    p.sample_id,
    t.value as score,
    row_number() over (order by t.value desc, p.order_key) - 1 as turn
from pool as p
join tokens as t on t.sample_id = p.sample_id
order by turn
limit $size
