-- The queries of a task, numbered in the order of its file.
-- grain: one row per query
-- params: task_id (integer), first_id (integer)
-- needs: staged (as `ingest.staging` writes it)
select
    $first_id + row_number() over (order by ordinal) - 1 as query_id,
    $task_id as task_id,
    row_number() over (order by ordinal) - 1 as position,
    external_id,
    content_hash,
    messages,
    tools,
    metadata
from staged
order by ordinal
