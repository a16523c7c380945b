-- Some queries with their text.
-- grain: one row per query
-- params: queries (list of integer)
select
    q.query_id,
    q.external_id as query,
    q.position as query_position,
    q.messages,
    t.name as task
from query as q
join task as t on t.task_id = q.task_id
where q.query_id in (select unnest($queries::bigint[]))
order by q.query_id
