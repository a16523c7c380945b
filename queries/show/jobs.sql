-- Every job: what it was asked, how far it came, what it counted.
-- grain: one row per job, newest first
select
    job_id,
    kind,
    status,
    started_at,
    finished_at,
    rows_read,
    rows_added,
    rows_duplicate,
    rows_refused,
    rows_retired,
    parameters,
    error,
    software_version
from job
order by job_id desc
