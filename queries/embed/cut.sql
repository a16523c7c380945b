-- How many samples of each source a space cut, and how many it holds.
-- grain: one row per source
-- params: space_id (integer)
select
    o.name as source,
    count(*) filter (where s.truncated) as cut,
    count(*) as samples
from sample_score as s
join scorer as c on c.scorer_id = s.scorer_id and c.space_id = $space_id and c.name = 'tokens'
join (
    select distinct
        sample_id,
        source_id
    from sample_source
) as a on a.sample_id = s.sample_id
join source as o on o.source_id = a.source_id
group by o.name
having cut > 0
order by cut desc, source
