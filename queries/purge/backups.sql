-- Copies of the home that the catalog made.
-- grain: one row per copy
select
    parameters,
    started_at
from job
where kind = 'backup'
order by job_id
