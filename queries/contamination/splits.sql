-- Which splits of a data set the queries of a task say they are from.
-- grain: one row per split
-- params: task_id (integer)
select
    coalesce(
        json_extract_string(metadata, '$.split'),
        json_extract_string(metadata, '$.meta.split')
    ) as split,
    count(*) as queries
from query
where task_id = $task_id
group by all
order by queries desc, split
