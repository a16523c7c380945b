-- Items of a task whose whole content is also that of a sample of the pool, or of another task's item.
-- grain: one row per (query, place where its content stands too)
-- params: task_id (integer); other_ids (list of integer) - task ids
select
    q.query_id,
    s.sample_id,
    null::bigint as other_id
from query as q
join sample as s on s.content_hash = q.content_hash
anti join retired as r on r.sample_id = s.sample_id
where q.task_id = $task_id
union all
select
    q.query_id,
    null as sample_id,
    o.query_id as other_id
from query as q
join query as o on o.content_hash = q.content_hash and o.task_id in (select unnest($other_ids))
where q.task_id = $task_id
order by query_id, sample_id, other_id
