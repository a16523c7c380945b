-- Where a snapshot's members come from: every source that any of them appeared in.
-- grain: one row per (source, revision)
-- params: snapshot_id (integer)
select
    a.source,
    a.revision,
    a.license,
    a.uri,
    count(distinct a.sample_id) as members,
    count(distinct a.sample_id) filter (where a.rank = 1) as first_members
from snapshot_member as m
join appearance as a on a.sample_id = m.sample_id
where m.snapshot_id = $snapshot_id
group by
    a.source,
    a.revision,
    a.license,
    a.uri
order by
    members desc,
    a.source,
    a.revision,
    a.license,
    a.uri
