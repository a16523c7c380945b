-- The source that each sample counts for: the first by name.
-- grain: one row per sample
select
    a.sample_id,
    min(o.name) as source,
    max(o.name) > min(o.name) as shared
from sample_source as a
join source as o on o.source_id = a.source_id
group by a.sample_id
