-- Rows that arrive, without their text, and the sample each is, where the pool knows it. Of purged
-- samples what came beside the text is left out too.
-- grain: one row per accepted row
-- needs: staged (as `ingest.staging` writes it); met (ordinal, sample_id)
select
    r.ordinal,
    r.content_hash,
    r.source,
    r.format,
    r.external_id,
    r.file,
    r.line,
    case when p.sample_id is null then r.metadata end as metadata,
    m.sample_id
from staged as r
left join met as m on m.ordinal = r.ordinal
left join purged as p on p.sample_id = m.sample_id
