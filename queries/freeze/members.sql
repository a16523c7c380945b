-- The chosen samples as members of a snapshot.
-- grain: one row per member
-- params: snapshot_id (integer)
-- needs: named (position, sample_id, score, task, query_id, rank, turn, repeats)
select
    $snapshot_id as snapshot_id,
    position,
    sample_id,
    score,
    task,
    query_id,
    rank,
    turn,
    repeats
from named
order by position
