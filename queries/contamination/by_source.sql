-- How many samples of each source a check marked, and for how many of a task's items.
-- grain: one row per source
-- params: check_id (integer)
select
    p.source,
    count(distinct m.sample_id) as samples,
    count(distinct m.query_id) as items
from contamination_mark as m
join pool as p on p.sample_id = m.sample_id
where m.check_id = $check_id
group by p.source
order by samples desc, p.source
