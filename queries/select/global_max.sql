-- The highest score over all queries of all tasks first.
-- grain: one row per selected sample, in order
-- needs: similarity (sample_id, order_key, task, task_position, score, query_id)
-- params: size (integer) - samples to select
with best as (
    select
        sample_id,
        any_value(order_key) as order_key,
        max(score) as score
    from similarity
    group by sample_id
    order by score desc, order_key
    limit $size
)
select
    b.sample_id,
    any_value(b.score) as score,
    arg_min(s.task, s.task_position) as task,
    arg_min(s.query_id, s.task_position) as query_id,
    row_number() over (order by any_value(b.score) desc, any_value(b.order_key)) - 1 as turn
from best as b
join similarity as s on s.sample_id = b.sample_id and s.score = b.score
group by b.sample_id
order by turn
