-- Rows that arrive, without their text, and the sample each is, where the pool knows it. Of purged
-- samples what came beside the text is left out too. Keys are compared first, a quarter of the bytes
-- to read of the whole pool: a chunk costs about as much in a large pool as in a small one.
-- grain: one row per accepted row
-- needs: staged (as `ingest.staging` writes it)
with near as materialized (
    select s.sample_id
    from sample as s
    semi join staged as r on r.order_key = s.order_key
),
known as (
    select
        sample_id,
        content_hash
    from sample
    where sample_id in (select sample_id from near)
)
select
    r.ordinal,
    r.content_hash,
    r.source,
    r.format,
    r.external_id,
    r.file,
    r.line,
    case when p.sample_id is null then r.metadata end as metadata,
    s.sample_id
from staged as r
left join known as s on s.content_hash = r.content_hash
left join purged as p on p.sample_id = s.sample_id
