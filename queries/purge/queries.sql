-- Queries and held-out items that say the very same as chosen samples, in a message of some length.
-- grain: one row per query
-- params: least (integer) - characters
-- needs: chosen (sample_id)
with said as (
    select distinct trim(m.message.content) as text
    from sample as s
    semi join chosen as c on c.sample_id = s.sample_id
    cross join unnest(s.messages) as m (message)
    where length(trim(m.message.content)) >= $least
)
select distinct
    t.name as task,
    t.role,
    t.revision,
    q.position,
    q.external_id
from query as q
join task as t on t.task_id = q.task_id
cross join unnest(q.messages) as m (message)
semi join said as d on d.text = trim(m.message.content)
order by task, role, revision, position
