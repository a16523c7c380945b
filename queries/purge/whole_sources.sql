-- Sources of which not one sample has its text any more: their refused rows have nothing to say either.
-- grain: one row per source's name
select o.name as source
from sample_source as a
join source as o on o.source_id = a.source_id
left join purge as p on p.sample_id = a.sample_id
group by o.name
having bool_and(p.sample_id is not null)
order by o.name
