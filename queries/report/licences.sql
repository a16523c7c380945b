-- The sources that hold what a model was shown, with their licences; a sample counts for each of them.
-- grain: one row per (source, revision)
-- needs: shown (sample_id)
select
    o.name as source,
    o.revision,
    o.license as licence,
    o.uri,
    count(distinct a.sample_id) as samples
from sample_source as a
semi join shown as s on s.sample_id = a.sample_id
join source as o on o.source_id = a.source_id
group by
    o.name,
    o.revision,
    o.license,
    o.uri
order by
    samples desc,
    o.name,
    o.revision,
    o.uri nulls first
