-- Queries of tasks that are not in the catalog, and tasks that lack queries. Must return no row.
-- grain: one row per task that breaks the rule
-- mend: restore a backup that is whole (catalog restore DIR --home NEW)
select
    coalesce(t.task_id, q.task_id) as task_id,
    t.name,
    t.query_count,
    count(q.query_id) as queries
from task as t
full join query as q on q.task_id = t.task_id
group by coalesce(t.task_id, q.task_id), t.name, t.query_count
having t.name is null or t.query_count is null or t.query_count != count(q.query_id)
order by task_id
