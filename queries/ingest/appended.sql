-- Sources that other jobs had filled before, and what this job added to them.
-- grain: one row per source
-- params: job_id (integer)
select
    s.name || '@' || s.revision as source,
    count(*) as appearances
from sample_source as a
join source as s on s.source_id = a.source_id
where a.job_id = $job_id
    and s.source_id in (select source_id from sample_source where job_id != $job_id)
group by s.name, s.revision
order by s.name, s.revision
