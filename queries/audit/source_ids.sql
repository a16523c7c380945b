-- The ids under which ledgers name the samples of one source.
-- grain: one row per id
-- params: source (text)
with held as (
    select distinct a.sample_id
    from sample_source as a
    join source as o on o.source_id = a.source_id
    where o.name = $source
)
select
    sample_id as logged_id,
    sample_id
from held
union all
select
    k.logged_id,
    k.sample_id
from known as k
semi join held as h on h.sample_id = k.sample_id
