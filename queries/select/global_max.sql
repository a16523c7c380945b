-- The highest score over all queries of all tasks first.
-- grain: one row per selected sample, in order
-- needs: similarity (sample_id, order_key, task, task_position, score, query_id)
-- params: size (integer) - samples to select
with best as (
    select
        sample_id,
        any_value(order_key) as order_key,
        max(score) as score,
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
from best
order by turn
limit $size
