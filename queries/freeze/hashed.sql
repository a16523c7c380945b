-- The samples of some content hashes.
-- grain: one row per sample
-- needs: hashes (content_hash)
select s.sample_id
from sample as s
semi join hashes as h on h.content_hash = s.content_hash
order by s.sample_id
