-- How many members a snapshot has, and how much text, by stretches of positions and of sample ids.
-- grain: one row per stretch of either kind that holds any
-- params: snapshot_id (integer), length (integer) - of a stretch
with sized as (
    select
        m.position - m.position % $length as position,
        m.sample_id - m.sample_id % $length as sample_id,
        s.characters + 256 as characters -- each row has more than its text
    from snapshot_member as m
    join sample as s on s.sample_id = m.sample_id
    where m.snapshot_id = $snapshot_id
)
select
    position,
    sample_id,
    sum(characters)::bigint as characters,
    count(*) as members
from sized
group by grouping sets ((position), (sample_id))
order by position, sample_id
