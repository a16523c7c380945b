-- What every content hash stands for: a sample, or a hash that ledgers named before it was here.
-- grain: one row per hash
select
    content_hash,
    sample_id
from sample
union all
select
    u.content_hash,
    u.sample_id
from unknown_sample as u
anti join sample as s on s.content_hash = u.content_hash
