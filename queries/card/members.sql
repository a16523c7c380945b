-- What may be said of a snapshot's members all together.
-- grain: one row
-- params: snapshot_id (integer)
select
    count(*) as members,
    coalesce(sum(m.repeats), 0)::bigint as rows,
    coalesce(sum(s.turns), 0)::bigint as turns,
    coalesce(sum(s.characters), 0)::bigint as characters,
    count(r.sample_id) as retired
from snapshot_member as m
join sample as s on s.sample_id = m.sample_id
left join retired as r on r.sample_id = m.sample_id
where m.snapshot_id = $snapshot_id
