-- What a snapshot holds: its distinct samples, how often each counts, the score it was chosen by,
-- and its tokens in a space.
-- grain: one row per member
-- params: snapshot_id (integer), space_id (integer or null)
select
    m.sample_id,
    m.times,
    m.score,
    t.value as tokens
from (
    select
        sample_id,
        sum(repeats)::bigint as times,
        max(score)::double as score
    from snapshot_member
    where snapshot_id = $snapshot_id
    group by sample_id
) as m
left join (
    select
        v.sample_id,
        v.value
    from sample_score as v
    join scorer as c on c.scorer_id = v.scorer_id and c.name = 'tokens'
    where c.space_id = $space_id::bigint
) as t on t.sample_id = m.sample_id
order by m.sample_id
