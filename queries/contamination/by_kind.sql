-- How many samples a check marked in each way, and for how many of a task's items.
-- grain: one row per (kind, part)
-- params: check_id (integer)
select
    kind,
    part,
    count(distinct sample_id) as samples,
    count(distinct query_id) as items
from contamination_mark
where check_id = $check_id
group by kind, part
order by kind, part
