-- Some of the members that a recipe does not give any more, each with the query that chose it.
-- grain: one row per member
-- params: snapshot_id (integer), count (integer)
-- needs: remade (position, sample_id, score, task, query_id, rank, turn, repeats)
select
    m.sample_id,
    m.query_id,
    m.score
from snapshot_member as m
anti join remade as r on r.sample_id = m.sample_id
where m.snapshot_id = $snapshot_id
    and m.query_id is not null
    and m.score is not null
order by m.position
limit $count
