-- Why rows of a job were refused.
-- grain: one row per reason
-- params: job_id (integer)
select
    reason,
    count(*) as rows
from rejection
where job_id = $job_id
group by reason
order by rows desc, reason
