-- The text of some members; not of those whose text was purged. In no order: whoever reads them sorts
-- them apart, in less time. Nothing else is joined to it here: the text would be copied by every join.
-- grain: one row per member that has its text
-- params: snapshot_id (integer), first (integer), last (integer) - sample ids
select
    m.position,
    s.messages::struct(role text, content text, extra text)[] as messages,
    s.tools::text as tools,
    lower(hex(s.content_hash)) as content_hash
from snapshot_member as m
join sample as s on s.sample_id = m.sample_id
anti join purge as p on p.sample_id = m.sample_id
where m.snapshot_id = $snapshot_id
    and m.sample_id between $first and $last
    and s.sample_id between $first and $last
