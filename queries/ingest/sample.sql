-- The new samples whole.
-- grain: one row per new sample
-- params: paths (list of text) - staged Parquet files
-- needs: fresh (sample_id, ordinal)
select
    f.sample_id,
    r.content_hash,
    r.order_key,
    r.messages,
    r.tools,
    r.turns,
    r.characters
from read_parquet($paths) as r
join fresh as f on f.ordinal = r.ordinal
order by f.sample_id
