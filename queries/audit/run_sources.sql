-- Where the samples that one run saw come from, each counted for its first source.
-- grain: one row per source
-- params: run (text) - run name
select
    a.source,
    count(distinct a.sample_id) as samples,
    count(*) as exposures,
    min(e.step) as first_step,
    max(e.step) as last_step
from exposure as e
join run as r on r.run_id = e.run_id
left join known as k on k.logged_id = e.sample_id
join appearance as a on a.sample_id = coalesce(k.sample_id, e.sample_id) and a.rank = 1
where r.name = $run
group by a.source
order by exposures desc, a.source
