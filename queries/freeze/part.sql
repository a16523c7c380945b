-- The members of a snapshot that a mix takes from, in order; a member's rank is its place there.
-- grain: one row per member
-- params: digest (text), space_id (integer or null) - whose token counts are wanted
select
    m.sample_id,
    m.score,
    m.task,
    m.query_id,
    m.position as rank,
    v.value::bigint as tokens
from snapshot_member as m
left join (
    select
        s.sample_id,
        s.value
    from sample_score as s
    join scorer as c on c.scorer_id = s.scorer_id and c.name = 'tokens'
    where c.space_id = $space_id
) as v on v.sample_id = m.sample_id
where m.snapshot_id = (
    select min(snapshot_id)
    from snapshot
    where digest = $digest and deleted_at is null
)
order by m.position
