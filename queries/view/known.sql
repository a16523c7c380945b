-- Hashes that a ledger named before their samples were here, and are here now.
-- grain: one row per such hash
select
    u.sample_id as logged_id,
    s.sample_id
from unknown_sample as u
join sample as s on s.content_hash = u.content_hash
