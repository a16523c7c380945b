-- Some samples whole, as long as they have their text: what their hashes are of.
-- grain: one row per sample
-- params: after (integer), count (integer) - samples of larger ids, at most so many
select
    s.sample_id,
    s.content_hash,
    s.messages,
    s.tools
from sample as s
anti join purge as p on p.sample_id = s.sample_id
where s.sample_id > $after and len(s.messages) > 0
order by s.sample_id
limit $count
