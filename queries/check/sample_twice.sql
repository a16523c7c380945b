-- Conversations that the catalog holds more than once. Must return no row.
-- grain: one row per content hash that breaks the rule
-- mend: restore a backup that is whole (catalog restore DIR --home NEW)
select
    lower(hex(content_hash)) as hash,
    count(*) as samples
from sample
group by content_hash
having count(*) > 1
order by hash
