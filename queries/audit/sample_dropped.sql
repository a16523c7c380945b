-- Which runs left one sample out before training, and why.
-- grain: one row per (run, attempt, reason)
-- params: sample_id (integer), logged_id (integer)
select distinct
    r.name as run,
    d.attempt,
    d.reason
from dropped_sample as d
join run as r on r.run_id = d.run_id
where d.sample_id = $sample_id or d.sample_id = $logged_id
order by r.name, d.attempt, d.reason
