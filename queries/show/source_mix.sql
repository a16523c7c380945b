-- Where a snapshot's members come from, each counted for its first source, beside the pool.
-- Sources are compared by their place among the names, a number: there is one for every sample.
-- grain: one row per source
-- params: snapshot_id (integer)
with named as (
    select
        source_id,
        name,
        dense_rank() over (order by name)::integer as place
    from source
),
repeated as (
    select
        a.sample_id,
        min(n.place) as place
    from sample_source as a
    join named as n on n.source_id = a.source_id
    where a.repeated
    group by a.sample_id
),
came as (
    select
        s.sample_id,
        least(n.place, r.place) as place
    from sample as s
    join named as n on n.source_id = s.source_id
    left join repeated as r on r.sample_id = s.sample_id
),
pooled as (
    select
        c.place,
        count(*) as samples
    from came as c
    anti join retired as r on r.sample_id = c.sample_id
    group by c.place
),
chosen as (
    select
        c.place,
        count(*) as members
    from snapshot_member as m
    join came as c on c.sample_id = m.sample_id
    where m.snapshot_id = $snapshot_id
    group by c.place
),
called as (
    select
        place,
        any_value(name) as name
    from named
    group by place
)
select
    n.name as source,
    c.members,
    c.members / sum(c.members) over () as share,
    coalesce(p.samples, 0) / sum(p.samples) over () as share_of_pool
from called as n
left join chosen as c on c.place = n.place
left join pooled as p on p.place = n.place
qualify c.members is not null
order by c.members desc, n.name
