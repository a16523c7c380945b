-- Rows that arrive, with the sample each is, where the pool knows it.
-- grain: one row per accepted row
-- params: paths (list of text) - staged Parquet files
select
    r.ordinal,
    r.content_hash,
    s.sample_id
from read_parquet($paths) as r
left join sample as s on s.content_hash = r.content_hash
