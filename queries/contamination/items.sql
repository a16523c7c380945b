-- The queries or held-out items of some tasks.
-- grain: one row per query
-- params: task_ids (list of integer)
select
    q.task_id,
    q.query_id,
    q.messages
from query as q
where q.task_id in (select unnest($task_ids))
order by q.task_id, q.position
