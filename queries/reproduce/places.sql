-- The first places at which a recipe now gives another member than was frozen.
-- grain: one row per position
-- params: snapshot_id (integer), count (integer)
-- needs: remade (position, sample_id, score, task, query_id, rank, turn, repeats)
with kept as (
    select *
    from snapshot_member
    where snapshot_id = $snapshot_id
)
select
    coalesce(k.position, r.position) as position,
    lower(hex(s.content_hash)) as frozen,
    k.score as frozen_score,
    k.turn as frozen_turn,
    lower(hex(t.content_hash)) as now,
    r.score as now_score,
    r.turn as now_turn
from kept as k
full join remade as r on r.position = k.position
left join sample as s on s.sample_id = k.sample_id
left join sample as t on t.sample_id = r.sample_id
where k.sample_id is distinct from r.sample_id
order by 1
limit $count
