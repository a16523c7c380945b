-- Where a snapshot's members come from, each counted for its first source, beside the pool.
-- Nearly all samples count for the source that brought them: that is counted, and then put right for
-- those few that appeared again under a name that comes before, or are retired. Sources are compared
-- by their place among the names. Members are marked in strings of bits, each for as many samples as
-- stay in a core's own cache: a join would look up every sample in a table of millions of members.
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
chosen as (
    select
        sample_id // 65536 as block,
        bitstring_agg(sample_id % 65536, 0, 65535) as members
    from snapshot_member
    where snapshot_id = $snapshot_id
    group by block
),
held as (
    select
        s.source_id,
        count(*) as samples,
        coalesce(sum(get_bit(c.members, (s.sample_id % 65536)::integer)), 0)::bigint as members
    from sample as s
    left join chosen as c on c.block = s.sample_id // 65536
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
        h.samples,
        h.members
    from held as h
    join named as n on n.source_id = h.source_id
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
