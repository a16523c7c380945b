-- How many samples a check marked, and how many of a task's items they overlap.
-- grain: one row
-- params: check_id (integer)
select
    count(*) as marks,
    count(distinct sample_id) as samples,
    count(distinct query_id) as items
from contamination_mark
where check_id = $check_id
