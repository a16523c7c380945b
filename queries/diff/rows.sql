-- A few samples of each reason, in order, with their place and reason in both snapshots.
-- grain: one row per sample
-- params: before (integer), after (integer) - snapshot_ids; count (integer)
-- needs: asked (sample_id, position, reason)
with few as (
    select *
    from asked
    qualify row_number() over (partition by reason order by position, sample_id) <= $count
)
select
    f.reason,
    f.sample_id,
    lower(hex(s.content_hash)) as hash,
    p.source,
    p.external_id,
    s.messages,
    a.position as before_position,
    a.turn as before_turn,
    a.score as before_score,
    a.task as before_task,
    qa.external_id as before_query,
    b.position as after_position,
    b.turn as after_turn,
    b.score as after_score,
    b.task as after_task,
    qb.external_id as after_query
from few as f
join sample as s on s.sample_id = f.sample_id
left join appearance as p on p.sample_id = f.sample_id and p.rank = 1
left join snapshot_member as a on a.sample_id = f.sample_id and a.snapshot_id = $before
left join snapshot_member as b on b.sample_id = f.sample_id and b.snapshot_id = $after
left join query as qa on qa.query_id = a.query_id
left join query as qb on qb.query_id = b.query_id
order by
    f.reason,
    f.position,
    f.sample_id
