-- Instruction-following difficulty: the highest first, without those above 1, whose prompt makes the
-- answer harder to predict rather than easier.
-- grain: one row per selected sample, in order
-- needs: pool (sample_id, order_key); ifd (sample_id, value)
-- params: size (integer) - samples to select
select
    p.sample_id,
    i.value as score,
    row_number() over (order by i.value desc, p.order_key) - 1 as turn
from pool as p
join ifd as i on i.sample_id = p.sample_id
where i.value <= 1
order by turn
limit $size
