-- The runs that were shown chosen samples, in any attempt, and how often.
-- grain: one row per run
-- needs: chosen (sample_id)
with wanted as (
    select
        sample_id,
        sample_id as logged_id
    from chosen
    union all
    select
        k.sample_id,
        k.logged_id
    from known as k
    semi join chosen as c on c.sample_id = k.sample_id
)
select
    r.name as run,
    count(distinct w.sample_id) as samples,
    count(*) as exposures,
    min(e.step) as first_step,
    max(e.step) as last_step
from exposure as e
join wanted as w on w.logged_id = e.sample_id
join run as r on r.run_id = e.run_id
group by r.run_id, r.name
order by r.name
