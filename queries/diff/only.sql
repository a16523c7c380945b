-- Members of one snapshot that another does not hold, as a relation to be told about.
-- grain: one row per sample
-- params: holder (integer), other (integer) - snapshot_ids
select
    m.sample_id,
    m.position
from snapshot_member as m
anti join (
    select sample_id
    from snapshot_member
    where snapshot_id = $other
) as o on o.sample_id = m.sample_id
where m.snapshot_id = $holder
order by m.sample_id
