-- Where to cut the members of a snapshot, in order of sample and in order of position, so that each
-- part holds about as much text.
-- grain: one row per part, and per order that it is of
-- params: snapshot_id (integer), characters (integer) - of a part
with sized as (
    select
        m.position,
        m.sample_id,
        s.characters + 256 as characters -- each row has more than its text
    from snapshot_member as m
    join sample as s on s.sample_id = m.sample_id
    where m.snapshot_id = $snapshot_id
),
placed as (
    select
        position,
        sample_id,
        sum(characters) over (order by position) // $characters as by_position,
        sum(characters) over (order by sample_id) // $characters as by_sample
    from sized
)
select
    'position' as of,
    min(position) as first,
    max(position) as last
from placed
group by by_position
union all
select
    'sample' as of,
    min(sample_id) as first,
    max(sample_id) as last
from placed
group by by_sample
order by of, first
