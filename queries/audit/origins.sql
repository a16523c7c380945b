-- The sources of all samples, by the place of their names among all names.
-- grain: one row per appearance of a sample
with named as (
    select
        source_id,
        dense_rank() over (order by name)::integer as place
    from source
)
select
    a.sample_id,
    n.place
from sample_source as a
join named as n on n.source_id = a.source_id
