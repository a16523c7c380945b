-- Samples that are marked as overlapping a task's queries or held-out items.
-- grain: one row per (task, role, sample)
-- needs: wanted (sample_id)
select distinct
    c.task,
    c.role,
    c.sample_id
from contaminated as c
join wanted as w on w.sample_id = c.sample_id
order by c.task, c.role, c.sample_id
