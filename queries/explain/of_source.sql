-- How many members of a snapshot have the same first source as a sample.
-- grain: at most one row
-- params: snapshot_id (integer), sample_id (integer)
select
    p.source,
    count(m.sample_id) as members
from pool as p
join pool as o on o.source = p.source
left join snapshot_member as m on m.sample_id = o.sample_id and m.snapshot_id = $snapshot_id
where p.sample_id = $sample_id
group by p.source
order by p.source
