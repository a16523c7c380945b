-- Round robin: each list in turn takes its next-best sample; one already taken uses up the turn.
-- With one task a list is a query's ranking; with several it is a task's, a sample's score being its
-- best over the task's queries. In closed form: a sample's turn is the first at which any list comes
-- to it, and the smallest turns win. Ranks count from 0, by score, ties by order_key.
-- grain: one row per selected sample, in order
-- needs: ranking (list, lists, rank, sample_id, score, task, query_id)
-- params: size (integer) - samples to select
with chosen as (
    select
        sample_id,
        min(rank * lists + list) as turn
    from ranking
    group by sample_id
    order by turn
    limit $size
)
select
    c.sample_id,
    c.turn,
    r.task,
    r.query_id,
    r.rank,
    r.score
from chosen as c
-- a turn belongs to one place of one list
join ranking as r on r.rank * r.lists + r.list = c.turn
order by c.turn
