-- The new samples whole, in no order: to sort them would be to hold the text of them all in memory.
-- grain: one row per new sample
-- params: revision (text)
-- needs: staged (as `ingest.staging` writes it); fresh (sample_id, ordinal)
select
    f.sample_id,
    r.content_hash,
    r.order_key,
    r.messages,
    r.tools,
    r.turns,
    r.characters,
    o.source_id
from staged as r
join fresh as f on f.ordinal = r.ordinal
join source as o on o.name = r.source and o.revision = $revision
