-- The negative ids of logged hashes that the catalog does not know.
-- grain: one row per hash
-- needs: logged (content_hash)
select
    u.content_hash,
    u.sample_id
from unknown_sample as u
semi join logged as l on l.content_hash = u.content_hash
order by u.content_hash
