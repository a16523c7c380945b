-- Where a snapshot's members come from, each counted for its first source, beside the pool.
-- Nearly all samples count for the source that brought them: that is counted, and then put right for
-- those few that appeared again under a name that comes before, or are retired. Sources are compared
-- by their place among the names.
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
moved as (
    select
        s.sample_id,
        n.place as away,
        r.place as towards
    from sample as s
    join repeated as r on r.sample_id = s.sample_id
    join named as n on n.source_id = s.source_id
    where r.place < n.place
),
held as (
    select
        source_id,
        count(*) as samples
    from sample
    group by source_id
),
taken as (
    select
        s.source_id,
        count(*) as members
    from snapshot_member as m
    join sample as s on s.sample_id = m.sample_id
    where m.snapshot_id = $snapshot_id
    group by s.source_id
),
gone as (
    select
        s.source_id,
        s.sample_id
    from sample as s
    semi join retired as r on r.sample_id = s.sample_id
),
counted as (
    select
        n.place,
        coalesce(h.samples, 0) as samples,
        coalesce(t.members, 0) as members
    from named as n
    left join held as h on h.source_id = n.source_id
    left join taken as t on t.source_id = n.source_id
    union all
    select
        unnest([v.away, v.towards]) as place,
        unnest([-1, 1]) as samples,
        0 as members
    from moved as v
    union all
    select
        unnest([v.away, v.towards]) as place,
        0 as samples,
        unnest([-1, 1]) as members
    from snapshot_member as m
    join moved as v on v.sample_id = m.sample_id
    where m.snapshot_id = $snapshot_id
    union all
    select
        coalesce(v.towards, n.place) as place,
        -1 as samples,
        0 as members
    from gone as g
    join named as n on n.source_id = g.source_id
    left join moved as v on v.sample_id = g.sample_id
),
summed as (
    select
        place,
        sum(samples)::bigint as samples,
        sum(members)::bigint as members
    from counted
    group by place
)
select
    any_value(n.name) as source,
    any_value(c.members) as members,
    any_value(c.members) / sum(any_value(c.members)) over () as share,
    any_value(c.samples) / sum(any_value(c.samples)) over () as share_of_pool
from summed as c
join named as n on n.place = c.place
group by c.place
qualify any_value(c.members) > 0
order by members desc, source
