-- Rows that arrive, without their text, and the sample each is, where the pool knows it. Of purged
-- samples what came beside the text is left out too.
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
    case when p.sample_id is null then r.metadata end as metadata,
    s.sample_id
from staged as r
left join sample as s on s.content_hash = r.content_hash
left join purged as p on p.sample_id = s.sample_id
