-- Samples whose text and vectors were destroyed: their hash and history stay, retired for good.
-- grain: one row per purged sample
select
    p.sample_id,
    lower(hex(s.content_hash)) as hash,
    min(p.purged_at) as purged_at
from purge as p
join sample as s on s.sample_id = p.sample_id
group by p.sample_id, s.content_hash
