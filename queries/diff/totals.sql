-- What two snapshots share, in numbers.
-- grain: one row
-- params: before (integer), after (integer) - snapshot_ids
with paired as (
    select
        a.sample_id as before_id,
        b.sample_id as after_id,
        a.position != b.position as moved
    from (select * from snapshot_member where snapshot_id = $before) as a
    full join (select * from snapshot_member where snapshot_id = $after) as b
        on b.sample_id = a.sample_id
)
select
    count(before_id) as before,
    count(after_id) as after,
    count(*) filter (where before_id is null) as came,
    count(*) filter (where after_id is null) as went,
    count(*) filter (where moved) as moved,
    count(*) filter (where not moved) as stayed
from paired
