-- The chosen samples in order, with their content hashes.
-- grain: one row per member
-- needs: chosen (position, sample_id, score, task, query_id, rank, turn, repeats)
select
    c.position,
    c.sample_id,
    c.score,
    c.task,
    c.query_id,
    c.rank,
    c.turn,
    c.repeats,
    s.content_hash
from chosen as c
join sample as s on s.sample_id = c.sample_id
order by c.position
