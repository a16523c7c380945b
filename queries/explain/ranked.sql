-- Every list's samples with their ranks, as round robin walks them.
-- grain: one row per (list, sample)
-- needs: ranking (list, lists, sample_id, order_key, score, task, query_id)
select
    list,
    lists,
    sample_id,
    score,
    task,
    query_id,
    row_number() over (partition by list order by score desc, order_key) - 1 as rank
from ranking
order by
    list,
    rank
