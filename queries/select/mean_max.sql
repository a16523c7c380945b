-- The highest mean score first: over the queries of one task, or over several tasks, a sample's score
-- for a task being its best over the task's queries.
-- grain: one row per selected sample, in order
-- needs: similarity (sample_id, order_key, task, task_position, tasks, score, query_id, mean)
-- params: size (integer) - samples to select
with averaged as (
    select
        sample_id,
        any_value(order_key) as order_key,
        case when any_value(tasks) = 1 then any_value(mean) else avg(score) end as score,
        arg_min(task, (-score, task_position)) as task,
        arg_min(query_id, (-score, task_position)) as query_id
    from similarity
    group by sample_id
)
select
    sample_id,
    score,
    task,
    query_id,
    row_number() over (order by score desc, order_key) - 1 as turn
from averaged
order by turn
limit $size
