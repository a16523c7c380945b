-- Hashes kept as unknown that have several keys, or keys of several hashes, or a sample's key. Must return no row.
-- grain: one row per key that breaks the rule
-- mend: restore a backup that is whole (catalog restore DIR --home NEW)
select
    sample_id,
    lower(hex(content_hash)) as hash
from unknown_sample
qualify count(*) over (partition by content_hash) > 1
    or count(*) over (partition by sample_id) > 1
    or sample_id >= 0
order by sample_id, hash
