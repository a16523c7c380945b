-- How many members of a snapshot have the same first source as a sample.
-- grain: at most one row
-- params: sample_id (integer)
-- needs: chosen (sample_id)
select
    p.source,
    count(c.sample_id) as members
from pool as p
join pool as o on o.source = p.source
left join chosen as c on c.sample_id = o.sample_id
where p.sample_id = $sample_id
group by p.source
order by p.source
