-- The samples that a selection may choose from: all that are not retired.
-- Not by an anti join, of which DuckDB expects a fraction of the pool: it would hash the whole pool
-- where that is joined to a snapshot, and not the snapshot.
-- grain: one row per sample
select s.*
from stock as s
left join retired as r on r.sample_id = s.sample_id
where r.reason is null
