-- Round robin: each list in turn takes its next-best sample; one already taken uses up the turn.
-- With one task a list is a query's ranking; with several it is a task's, a sample's score being its
-- best over the task's queries. In closed form: a sample's turn is the first at which any list comes
-- to it, and the smallest turns win.
-- grain: one row per selected sample, in order
-- needs: ranking (list, lists, sample_id, order_key, score, task, query_id)
-- params: size (integer) - samples to select
with ranked as (
    select
        *,
        row_number() over (partition by list order by score desc, order_key) - 1 as rank
    from ranking
),
turned as (
    select
        *,
        rank * lists + list as turn
    from ranked
)
select
    sample_id,
    min(turn) as turn,
    arg_min(task, turn) as task,
    arg_min(query_id, turn) as query_id,
    arg_min(rank, turn) as rank,
    arg_min(score, turn) as score
from turned
group by sample_id
order by turn
limit $size
