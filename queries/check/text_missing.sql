-- Samples without text that were not purged. Must return no row.
-- grain: one row per sample that breaks the rule
-- mend: restore a backup that is whole (catalog restore DIR --home NEW)
select
    s.sample_id,
    lower(hex(s.content_hash)) as hash
from sample as s
anti join purge as p on p.sample_id = s.sample_id
where coalesce(len(s.messages), 0) = 0
order by s.sample_id
