-- Some members whole: what a model is trained on.
-- grain: one row per member
-- params: snapshot_id (integer), first (integer), last (integer) - positions
select
    m.position,
    s.content_hash,
    s.messages,
    s.tools,
    m.repeats
from snapshot_member as m
join sample as s on s.sample_id = m.sample_id
where m.snapshot_id = $snapshot_id and m.position between $first and $last
order by m.position
