-- How many rows a snapshot has when it is written out, each member as often as it counts, and how
-- much of that has no text any more.
-- grain: one row
-- params: snapshot_id (integer)
select
    coalesce(sum(m.repeats), 0)::bigint as rows,
    coalesce(sum(m.repeats) filter (where p.sample_id is not null), 0)::bigint as purged_rows,
    count(p.sample_id) as purged_members
from snapshot_member as m
left join (
    select distinct sample_id
    from purge
) as p on p.sample_id = m.sample_id
where m.snapshot_id = $snapshot_id
