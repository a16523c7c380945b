-- Marks of a check, sample or query that is not there. Must return no row.
-- grain: one row per mark that breaks the rule
-- mend: check again: catalog decontaminate
select
    m.check_id,
    m.sample_id,
    m.query_id
from contamination_mark as m
left join contamination_check as c on c.check_id = m.check_id and c.task_id = m.task_id
left join sample as s on s.sample_id = m.sample_id
left join query as q on q.query_id = m.query_id and q.task_id = m.task_id
where c.check_id is null or s.sample_id is null or q.query_id is null
order by m.check_id, m.sample_id, m.query_id
