-- Which runs saw one sample, and at which steps.
-- grain: one row per (run, attempt)
-- params: sample_id (integer)
select
    r.name as run,
    r.model,
    e.attempt,
    count(*) as exposures,
    min(e.step) as first_step,
    max(e.step) as last_step,
    list_sort(list(distinct e.step)) as steps
from exposure as e
join run as r on r.run_id = e.run_id
where e.sample_id = $sample_id
    -- logged before it was ingested here
    or e.sample_id = (select max(logged_id) from known where sample_id = $sample_id)
group by r.name, r.model, e.attempt
order by r.name, e.attempt
