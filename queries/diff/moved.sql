-- Members of both snapshots that stand elsewhere, and why: shifted only by what came and went, or
-- chosen by another query, with another score, or at another turn.
-- grain: one row per sample
-- params: before (integer), after (integer) - snapshot_ids
with shared as (
    select
        a.sample_id,
        a.position as before_position,
        b.position as after_position,
        row_number() over (order by a.position) as before_place,
        row_number() over (order by b.position) as after_place,
        a.task is distinct from b.task or a.query_id is distinct from b.query_id as requeried,
        abs(a.score - b.score) > 1e-6 * greatest(abs(a.score), abs(b.score)) as rescored
    from snapshot_member as a
    join snapshot_member as b on b.sample_id = a.sample_id and b.snapshot_id = $after
    where a.snapshot_id = $before
)
select
    sample_id,
    after_position as position,
    case
        when before_place = after_place then 'shifted'
        when requeried then 'requeried'
        when rescored then 'rescored'
        else 'reordered'
    end as reason
from shared
where before_position != after_position
order by sample_id
