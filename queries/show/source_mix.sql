-- Where a snapshot's members come from, each counted for its first source, beside the pool.
-- grain: one row per source
-- params: snapshot_id (integer)
with pooled as (
    select
        source,
        count(*) as samples
    from pool
    group by source
),
chosen as (
    select
        a.source,
        count(*) as members
    from snapshot_member as m
    join appearance as a on a.sample_id = m.sample_id and a.rank = 1
    where m.snapshot_id = $snapshot_id
    group by a.source
)
select
    c.source,
    c.members,
    c.members / sum(c.members) over () as share,
    coalesce(p.samples, 0) / sum(p.samples) over () as share_of_pool
from chosen as c
full join pooled as p on p.source = c.source
qualify c.source is not null
order by c.members desc, c.source
