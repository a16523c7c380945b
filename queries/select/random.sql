-- Uniform without replacement: the samples with the smallest hash of seed and content.
-- A larger draw holds every smaller one, and a draw changes little as the pool grows.
-- grain: one row per selected sample, in order
-- needs: pool (sample_id, content_hash)
-- params: size (integer) - samples to select; seed (integer)
select
    sample_id,
    row_number() over (order by md5($seed::varchar || lower(hex(content_hash)))) - 1 as turn
from pool
order by turn
limit $size
