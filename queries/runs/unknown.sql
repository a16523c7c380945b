-- Logged hashes that the catalog has not met yet, with the negative ids they get.
-- grain: one row per hash
-- needs: logged (content_hash)
select
    (select least(coalesce(min(sample_id), 0), 0) from unknown_sample)
        - row_number() over (order by l.content_hash) as sample_id,
    l.content_hash
from (select distinct content_hash from logged) as l
anti join sample as s on s.content_hash = l.content_hash
anti join unknown_sample as u on u.content_hash = l.content_hash
