-- A seeded draw from the pool: the samples with the smallest hash of seed and content.
-- It depends on neither the order of ingest nor their ids, and a larger draw holds every smaller one.
-- grain: one row per drawn sample, in order of the draw
-- needs: held (sample_id)
-- params: seed (integer); size (integer)
select
    s.sample_id,
    s.content_hash
from sample as s
semi join held as h on h.sample_id = s.sample_id
anti join retired as r on r.sample_id = s.sample_id
order by md5($seed::varchar || lower(hex(s.content_hash)))
limit $size
