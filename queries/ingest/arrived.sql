-- Rows that arrive, without their text, and the sample each is, where the pool knows it.
-- grain: one row per accepted row
-- needs: staged (as `ingest.staging` writes it)
select
    r.ordinal,
    r.content_hash,
    r.source,
    r.format,
    r.external_id,
    r.file,
    r.line,
    r.metadata,
    s.sample_id
from staged as r
left join sample as s on s.content_hash = r.content_hash
